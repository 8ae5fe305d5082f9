#include "common/settings/prepare.h"

int prepare_wants(const struct settings *settings, struct prepare_wants *wants_out, struct err *err)
{
	(void)settings, (void)err;
	*wants_out = (struct prepare_wants){false, false, false};
	return 0;
}
