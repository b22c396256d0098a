
/*
 * The tables of OneRoster 1.2 Gradebook: the fields of the models, the scopes,
 * the media types.
 */

#include <string.h>

#include "results_oneroster.h"


#define RESULTS_OR_FIELD(name, type, required)                                \
    { name, RESULTS_ONEROSTER_ ## type, required, NULL, NULL, 0, 0 }

#define RESULTS_OR_REF(name, required, ref, collection, rostering, column)    \
    { name, RESULTS_ONEROSTER_REF, required, ref, collection, rostering,      \
      column }

#define RESULTS_OR_END                                                        \
    RESULTS_OR_FIELD(NULL, STRING, 0)

#define RESULTS_OR_REQUIRED  RESULTS_JSON_REQUIRED


/*
 * The standard requires sourcedId and dateLastModified, but a body may omit
 * them: the path has the one, the server sets the other.
 */

static const results_oneroster_field_t  results_oneroster_result_fields[] = {
    RESULTS_OR_FIELD("sourcedId", SOURCED_ID, 0),
    RESULTS_OR_FIELD("status", STATUS, 0),
    RESULTS_OR_FIELD("dateLastModified", MODIFIED, 0),
    RESULTS_OR_FIELD("metadata", METADATA, 0),
    RESULTS_OR_REF("lineItem", RESULTS_OR_REQUIRED, "lineItem", "lineItems/",
                   0, offsetof(results_record_t, item_id)),
    RESULTS_OR_REF("student", RESULTS_OR_REQUIRED, "user", "users/",
                   1, offsetof(results_record_t, learner_id)),
    RESULTS_OR_REF("class", 0, "class", "classes/",
                   1, offsetof(results_record_t, course_id)),
    RESULTS_OR_REF("scoreScale", 0, "scoreScale", "scoreScales/", 0, 0),
    RESULTS_OR_FIELD("scoreStatus", SCORE_STATUS, RESULTS_OR_REQUIRED),
    RESULTS_OR_FIELD("scoreDate", SCORE_DATE, RESULTS_OR_REQUIRED),
    RESULTS_OR_FIELD("score", SCORE, 0),
    RESULTS_OR_FIELD("textScore", STRING, 0),
    RESULTS_OR_FIELD("comment", STRING, 0),
    RESULTS_OR_FIELD("learningObjectiveSet", OBJECTIVES, 0),
    RESULTS_OR_FIELD("inProgress", IN_PROGRESS, 0),
    RESULTS_OR_FIELD("incomplete", INCOMPLETE, 0),
    RESULTS_OR_FIELD("late", FLAG, 0),
    RESULTS_OR_FIELD("missing", FLAG, 0),
    RESULTS_OR_END
};


static const results_oneroster_field_t
    results_oneroster_assessment_result_fields[] =
{
    RESULTS_OR_FIELD("sourcedId", SOURCED_ID, 0),
    RESULTS_OR_FIELD("status", STATUS, 0),
    RESULTS_OR_FIELD("dateLastModified", MODIFIED, 0),
    RESULTS_OR_FIELD("metadata", METADATA, 0),
    RESULTS_OR_REF("assessmentLineItem", RESULTS_OR_REQUIRED,
                   "assessmentLineItem", "assessmentLineItems/",
                   0, offsetof(results_record_t, item_id)),
    RESULTS_OR_REF("student", RESULTS_OR_REQUIRED, "user", "users/",
                   1, offsetof(results_record_t, learner_id)),
    RESULTS_OR_REF("scoreScale", 0, "scoreScale", "scoreScales/", 0, 0),
    RESULTS_OR_FIELD("scoreStatus", SCORE_STATUS, RESULTS_OR_REQUIRED),
    RESULTS_OR_FIELD("scoreDate", SCORE_DATE, RESULTS_OR_REQUIRED),
    RESULTS_OR_FIELD("score", SCORE, 0),
    RESULTS_OR_FIELD("textScore", STRING, 0),
    RESULTS_OR_FIELD("scorePercentile", NUMBER, 0),
    RESULTS_OR_FIELD("comment", STRING, 0),
    RESULTS_OR_FIELD("learningObjectiveSet", OBJECTIVES, 0),
    RESULTS_OR_FIELD("inProgress", IN_PROGRESS, 0),
    RESULTS_OR_FIELD("incomplete", INCOMPLETE, 0),
    RESULTS_OR_FIELD("late", FLAG, 0),
    RESULTS_OR_FIELD("missing", FLAG, 0),
    RESULTS_OR_END
};


static const int  results_oneroster_result_kinds[] = {
    RESULTS_KIND_RESULT,
    RESULTS_KIND_CONTENT_ITEM_RESULT,
    RESULTS_KIND_LEARNING_EVENT,
    RESULTS_KIND_MODULE_RESULT
};

static const int  results_oneroster_assessment_result_kinds[] = {
    RESULTS_KIND_ASSESSMENT_RESULT
};


const results_oneroster_model_t  results_oneroster_result = {
    "result",
    "results",
    RESULTS_KIND_RESULT,
    results_oneroster_result_kinds,
    sizeof(results_oneroster_result_kinds) / sizeof(int),
    results_oneroster_result_fields
};


const results_oneroster_model_t  results_oneroster_assessment_result = {
    "assessmentResult",
    "assessmentResults",
    RESULTS_KIND_ASSESSMENT_RESULT,
    results_oneroster_assessment_result_kinds,
    sizeof(results_oneroster_assessment_result_kinds) / sizeof(int),
    results_oneroster_assessment_result_fields
};


static const results_oneroster_model_t *const  results_oneroster_models[] = {
    &results_oneroster_result,
    &results_oneroster_assessment_result,
    NULL
};


#define RESULTS_OR_SCOPES(version)                                            \
    "https://purl.imsglobal.org/spec/or/" version "/scope/"

#define RESULTS_OR_SCOPES_OF(version)                                         \
    RESULTS_OR_SCOPES(version) "assessment.readonly",                         \
    RESULTS_OR_SCOPES(version) "assessment.createput",                        \
    RESULTS_OR_SCOPES(version) "assessment.delete",                           \
    RESULTS_OR_SCOPES(version) "gradebook.readonly",                          \
    RESULTS_OR_SCOPES(version) "gradebook-core.readonly",                     \
    RESULTS_OR_SCOPES(version) "gradebook.createput",                         \
    RESULTS_OR_SCOPES(version) "gradebook.createpost",                        \
    RESULTS_OR_SCOPES(version) "gradebook.delete"

/* v1p1 and admin are the Timeback dialect's; the bits are in the header */
const char *const  results_oneroster_scopes[] = {
    RESULTS_OR_SCOPES_OF("v1p2"),
    RESULTS_OR_SCOPES_OF("v1p1"),
    RESULTS_OR_SCOPES("v1p2") "admin",
    RESULTS_OR_SCOPES("v1p1") "admin",
    NULL
};


const char *const  results_oneroster_media_types[] = {
    "application/json",
    NULL
};


const results_oneroster_model_t *
results_oneroster_route_model(const results_request_t *r)
{
    size_t                             len, found;
    const char                        *p, *name;
    const results_oneroster_model_t *const  *model;

    name = r->route->path;
    found = 0;

    for (p = r->route->path; *p; p += len + (p[len] == '/')) {
        len = strcspn(p, "/");

        if (*p != '{') {
            name = p;
            found = len;
        }
    }

    for (model = results_oneroster_models; *model; model++) {
        if (strlen((*model)->collection) == found
            && memcmp((*model)->collection, name, found) == 0)
        {
            break;
        }
    }

    return *model;
}


unsigned
results_oneroster_flags(const results_request_t *r)
{
    return (r->dialect == &results_oneroster) ? RESULTS_ONEROSTER_STRICT : 0;
}


const results_oneroster_field_t *
results_oneroster_field(const results_oneroster_model_t *model,
    const char *name)
{
    const results_oneroster_field_t  *field;

    for (field = model->fields; field->name; field++) {
        if (field->name[0] == name[0] && strcmp(field->name, name) == 0) {
            return field;
        }
    }

    return NULL;
}
