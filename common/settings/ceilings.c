#include "common/settings/ceilings.h"

enum { SMTP_PORT = 25 };

int ceiling_next(struct str *rest, struct arena *arena, struct ceiling *ceiling_out, struct err *err)
{
	struct str item = str_cut_item(rest);
	ptrdiff_t hyphen = str_find_last_char(item, '-');
	uint64_t most;

	if (item.len == 0)
		return 0;
	if (hyphen < 0 || !str_to_u64(str_skip(item, (size_t)hyphen + 1), CEILING_MOST, &most) || most == 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not SERVER-NUMBER or SERVER:PORT-NUMBER, with a number up to %d",
		               STR_ARG(str_sub(item, 0, 80)), CEILING_MOST);
	ceiling_out->most = (unsigned)most;
	return server_parse(str_sub(item, 0, (size_t)hyphen), SMTP_PORT, arena, &ceiling_out->server, err) == 0 ? 1 : -1;
}
