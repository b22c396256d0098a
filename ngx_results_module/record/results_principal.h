
/*
 * Who is calling: what results_api.lookup_tokens() returns for a valid access
 * token.  It has a fixed size and no pointers, so that the token cache, which
 * is shared memory, can hold it and copy it under its lock.
 */

#ifndef RESULTS_PRINCIPAL_H
#define RESULTS_PRINCIPAL_H

#include "results_base.h"


typedef enum {
    RESULTS_ROLE_NONE = 0,         /* the client acts for no person */
    RESULTS_ROLE_STUDENT,
    RESULTS_ROLE_STAFF,
    RESULTS_ROLE_PROSPECT_WITH_TRIAL,
    RESULTS_ROLE_ACCOUNT_OWNER,
    RESULTS_ROLE_ACCOUNT_ADMIN,
    RESULTS_ROLE_DEPARTMENT_ADMIN,
    RESULTS_ROLE_CUSTOM
} results_role_e;


/* bytes; the tables of sql/ have the same limits */
#define RESULTS_CLIENT_MAX       48
#define RESULTS_PERSON_MAX       64
#define RESULTS_INSTITUTION_MAX  48


typedef struct {
    int32_t                 institution_id;
    int32_t                 client_id;      /* api_client.id */
    uint64_t                scopes;         /* bits: results_scope_bits() */
    uint8_t                 role;           /* results_role_e */
    uint8_t                 client_len;     /* bytes */
    uint8_t                 person_len;     /* 0: it acts for no person */
    uint8_t                 institution_len;
    uint8_t                 ed_app_set;     /* ed_app has a value */
    char                    ed_app[36];     /* a normalized UUID */
    char                    client[RESULTS_CLIENT_MAX];     /* its client_id */
    char                    person[RESULTS_PERSON_MAX];     /* person.id */
    char                    institution[RESULTS_INSTITUTION_MAX];   /* name */
} results_principal_t;


/* the role of a word of person.role; RESULTS_ROLE_NONE for any other text */
results_role_e results_role_parse(results_str_t name);


#endif /* RESULTS_PRINCIPAL_H */
