
/*
 * The dialect `timeback`: the OneRoster 1.2 Gradebook resources as Timeback
 * serves them (docs/api/oneroster.md).  It also takes single objects by POST,
 * and changes to assessment results by PATCH.
 *
 * A gradebook scope opens the assessment operation of the same verb.
 */

#include "results_oneroster.h"


static const results_route_t  results_timeback_routes[] = {

    { RESULTS_METHOD_PUT, "results/{sourcedId}", RESULTS_ROUTE_BODY,
      RESULTS_OR_TIMEBACK(RESULTS_OR_GRADEBOOK_CREATEPUT),
      results_oneroster_put, results_oneroster_put_finish, NULL },

    { RESULTS_METHOD_GET, "results/{sourcedId}", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_GRADEBOOK_READONLY
                          |RESULTS_OR_GRADEBOOK_CORE),
      results_oneroster_get, results_oneroster_get_finish,
      results_oneroster_get_row },

    { RESULTS_METHOD_DELETE, "results/{sourcedId}", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_GRADEBOOK_DELETE),
      results_oneroster_delete, results_oneroster_delete_finish, NULL },

    { RESULTS_METHOD_GET, "results", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_GRADEBOOK_READONLY
                          |RESULTS_OR_GRADEBOOK_CORE),
      results_oneroster_list, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_POST, "results", RESULTS_ROUTE_BODY,
      RESULTS_OR_TIMEBACK(RESULTS_OR_GRADEBOOK_CREATEPOST
                          |RESULTS_OR_GRADEBOOK_CREATEPUT),
      results_oneroster_post, results_oneroster_post_finish, NULL },

    { RESULTS_METHOD_PUT, "assessmentResults/{sourcedId}", RESULTS_ROUTE_BODY,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_CREATEPUT
                          |RESULTS_OR_GRADEBOOK_CREATEPUT),
      results_oneroster_put, results_oneroster_put_finish, NULL },

    { RESULTS_METHOD_PATCH, "assessmentResults/{sourcedId}",
      RESULTS_ROUTE_BODY,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_CREATEPUT
                          |RESULTS_OR_GRADEBOOK_CREATEPUT),
      results_oneroster_patch, results_oneroster_patch_finish,
      results_oneroster_patch_row },

    { RESULTS_METHOD_GET, "assessmentResults/{sourcedId}", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_READONLY
                          |RESULTS_OR_GRADEBOOK_READONLY),
      results_oneroster_get, results_oneroster_get_finish,
      results_oneroster_get_row },

    { RESULTS_METHOD_DELETE, "assessmentResults/{sourcedId}", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_DELETE
                          |RESULTS_OR_GRADEBOOK_DELETE),
      results_oneroster_delete, results_oneroster_delete_finish, NULL },

    { RESULTS_METHOD_GET, "assessmentResults", 0,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_READONLY
                          |RESULTS_OR_GRADEBOOK_READONLY),
      results_oneroster_list, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_POST, "assessmentResults", RESULTS_ROUTE_BODY,
      RESULTS_OR_TIMEBACK(RESULTS_OR_ASSESSMENT_CREATEPUT
                          |RESULTS_OR_GRADEBOOK_CREATEPOST
                          |RESULTS_OR_GRADEBOOK_CREATEPUT),
      results_oneroster_post, results_oneroster_post_finish, NULL },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_timeback = {
    "timeback",
    results_timeback_routes,
    results_oneroster_scopes,
    results_oneroster_media_types,
    RESULTS_AUTH_BEARER,
    results_oneroster_error
};
