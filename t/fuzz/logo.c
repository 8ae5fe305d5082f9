/* Pictures of administrators: whatever the octets are, sizes stay within what is allowed. */
#include "common/settings/logo.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logo logo;
	struct err err;

	if (logo_look(str_from((const char *)data, size), &logo, &err) == 0 &&
	    (logo.width < 1 || logo.width > LOGO_SIDE_MAX || logo.height < 1 || logo.height > LOGO_SIDE_MAX))
		abort();
	return 0;
}
