--
-- Privileges.  This runs after all objects have been created, as their owner,
-- and first revokes all that PUBLIC and the gateway had.
--

REVOKE ALL ON SCHEMA results, results_api FROM PUBLIC, results_gateway;
REVOKE ALL ON ALL TABLES IN SCHEMA results FROM PUBLIC, results_gateway;
REVOKE ALL ON ALL ROUTINES IN SCHEMA results FROM PUBLIC, results_gateway;
REVOKE ALL ON ALL ROUTINES IN SCHEMA results_api
    FROM PUBLIC, results_gateway;

GRANT USAGE ON SCHEMA results_api TO results_gateway;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA results_api TO results_gateway;

GRANT USAGE ON SCHEMA results TO results_reader;
GRANT SELECT ON results.institution, results.department, results.person,
    results.manager, results.held_role, results.item, results.assignment, results.result,
    results.result_history, results.versions, results.clients,
    results.tokens, results.result_list
    TO results_reader;
GRANT EXECUTE ON FUNCTION results.history_of_result,
    results.history_of_learner, results.normal_id, results.op_name,
    results.find_institution, results.export_learner,
    results.mentions_of_learner, results.json_text
    TO results_reader;

-- functions that are created later must not be PUBLIC's, either
ALTER DEFAULT PRIVILEGES FOR ROLE results_owner
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
