
/*
 * The words for roles that results.person.role contains.
 */

#include "results_principal.h"


static const struct {
    results_str_t           name;
    results_role_e          role;

} results_roles[] = {
    { results_string("student"), RESULTS_ROLE_STUDENT },
    { results_string("staff"), RESULTS_ROLE_STAFF },
    { results_string("prospect_with_trial"), RESULTS_ROLE_PROSPECT_WITH_TRIAL },
    { results_string("account_owner"), RESULTS_ROLE_ACCOUNT_OWNER },
    { results_string("account_admin"), RESULTS_ROLE_ACCOUNT_ADMIN },
    { results_string("department_admin"), RESULTS_ROLE_DEPARTMENT_ADMIN },
    { results_string("custom"), RESULTS_ROLE_CUSTOM }
};


results_role_e
results_role_parse(results_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(results_roles) / sizeof(results_roles[0]); i++) {
        if (results_str_eq(name, results_roles[i].name)) {
            return results_roles[i].role;
        }
    }

    return RESULTS_ROLE_NONE;
}
