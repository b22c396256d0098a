
/*
 * Whether a text is well-formed XML, as far as this module writes it: no
 * DOCTYPE, no comments, no CDATA.
 */

#ifndef FUZZ_XML_H
#define FUZZ_XML_H

#include "results_base.h"


int fuzz_is_xml_type(results_str_t content_type);
int fuzz_is_xml(const char *data, size_t len);


#endif /* FUZZ_XML_H */
