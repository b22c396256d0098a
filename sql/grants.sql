--
-- Who may do what.  Runs last, as the owner, so that it covers every object;
-- whatever was granted before to PUBLIC or the gateway is taken back first.
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

-- functions of a later upgrade are not PUBLIC's either
ALTER DEFAULT PRIVILEGES FOR ROLE results_owner
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
