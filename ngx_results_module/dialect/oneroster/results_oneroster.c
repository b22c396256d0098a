
/*
 * The dialect `oneroster`: OneRoster 1.2 Gradebook as the standard has it,
 * to the letter of its schemas (docs/api/oneroster.md).
 */

#include "results_oneroster.h"


static const results_route_t  results_oneroster_routes[] = {

    { RESULTS_METHOD_PUT, "results/{sourcedId}", RESULTS_ROUTE_BODY,
      RESULTS_OR_GRADEBOOK_CREATEPUT,
      results_oneroster_put, results_oneroster_put_finish, NULL },

    { RESULTS_METHOD_GET, "results/{sourcedId}", 0,
      RESULTS_OR_GRADEBOOK_READONLY|RESULTS_OR_GRADEBOOK_CORE,
      results_oneroster_get, results_oneroster_get_finish,
      results_oneroster_get_row },

    { RESULTS_METHOD_DELETE, "results/{sourcedId}", 0,
      RESULTS_OR_GRADEBOOK_DELETE,
      results_oneroster_delete, results_oneroster_delete_finish, NULL },

    { RESULTS_METHOD_GET, "results", 0,
      RESULTS_OR_GRADEBOOK_READONLY|RESULTS_OR_GRADEBOOK_CORE,
      results_oneroster_list, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_GET, "classes/{classSourcedId}/results", 0,
      RESULTS_OR_GRADEBOOK_READONLY,
      results_oneroster_list_class, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_GET,
      "classes/{classSourcedId}/students/{studentSourcedId}/results", 0,
      RESULTS_OR_GRADEBOOK_READONLY,
      results_oneroster_list_student, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_GET,
      "classes/{classSourcedId}/lineItems/{lineItemSourcedId}/results", 0,
      RESULTS_OR_GRADEBOOK_READONLY,
      results_oneroster_list_line_item, results_oneroster_list_finish,
      results_oneroster_list_row },

    { RESULTS_METHOD_POST, "lineItems/{lineItemSourcedId}/results",
      RESULTS_ROUTE_BODY,
      RESULTS_OR_GRADEBOOK_CREATEPOST,
      results_oneroster_bulk_line_item, results_oneroster_bulk_finish, NULL },

    { RESULTS_METHOD_POST,
      "classes/{classSourcedId}/academicSessions/{academicSessionSourcedId}"
      "/results",
      RESULTS_ROUTE_BODY,
      RESULTS_OR_GRADEBOOK_CREATEPOST,
      results_oneroster_bulk_session, results_oneroster_bulk_finish, NULL },

    { RESULTS_METHOD_PUT, "assessmentResults/{sourcedId}", RESULTS_ROUTE_BODY,
      RESULTS_OR_ASSESSMENT_CREATEPUT,
      results_oneroster_put, results_oneroster_put_finish, NULL },

    { RESULTS_METHOD_GET, "assessmentResults/{sourcedId}", 0,
      RESULTS_OR_ASSESSMENT_READONLY,
      results_oneroster_get, results_oneroster_get_finish,
      results_oneroster_get_row },

    { RESULTS_METHOD_DELETE, "assessmentResults/{sourcedId}", 0,
      RESULTS_OR_ASSESSMENT_DELETE,
      results_oneroster_delete, results_oneroster_delete_finish, NULL },

    { RESULTS_METHOD_GET, "assessmentResults", 0,
      RESULTS_OR_ASSESSMENT_READONLY,
      results_oneroster_list, results_oneroster_list_finish,
      results_oneroster_list_row },

    { 0, NULL, 0, 0, NULL, NULL, NULL }
};


const results_dialect_t  results_oneroster = {
    "oneroster",
    results_oneroster_routes,
    results_oneroster_scopes,
    results_oneroster_media_types,
    RESULTS_AUTH_BEARER,
    results_oneroster_error
};
