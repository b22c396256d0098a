
/*
 * The style and the script of the status page.  page/embed writes the source
 * that defines them, from the files in page/, when the module is built.  They
 * are not terminated: _len is their length in bytes.
 */

#ifndef NGX_HTTP_RESULTS_PAGE_H
#define NGX_HTTP_RESULTS_PAGE_H

#include <stddef.h>


extern const unsigned char  ngx_http_results_page_style[];
extern const size_t         ngx_http_results_page_style_len;

extern const unsigned char  ngx_http_results_page_script[];
extern const size_t         ngx_http_results_page_script_len;


#endif /* NGX_HTTP_RESULTS_PAGE_H */
