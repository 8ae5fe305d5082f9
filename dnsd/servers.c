#include "dnsd/servers.h"

#include "common/addr/cidr.h"
#include "common/base/io.h"
#include "common/base/log.h"

#include <sys/stat.h>

enum { LOOK_MS = 1000 };

void servers_init(struct servers *servers)
{
	*servers = (struct servers){.looked_ms = -LOOK_MS};
	buf_init(&servers->list, SERVERS_TEXT_MAX);
}

void servers_parse_system(struct str text, struct buf *list)
{
	int count = 0;

	while (text.data != NULL && count < SERVERS_MAX) {
		struct str line = str_trim(str_cut(&text, '\n')), word = str_cut_word(&line), address = str_cut_word(&line);
		bool is_ipv6 = str_find_char(address, ':') >= 0;

		if (!str_equal(word, STR("nameserver")) || !cidr_is_address(address, is_ipv6))
			continue;
		buf_printf(list, is_ipv6 ? "%s[%.*s]" : "%s%.*s", count > 0 ? "," : "", STR_ARG(address));
		count++;
	}
}

/* Has the system's file another content than when it was read? */
static bool system_changed(struct servers *servers)
{
	struct stat status;

	if (io_now_ms() - servers->looked_ms < LOOK_MS)
		return false;
	servers->looked_ms = io_now_ms();
	if (stat(SERVERS_SYSTEM_FILE, &status) != 0 ||
	    (status.st_mtim.tv_sec == servers->changed.tv_sec && status.st_mtim.tv_nsec == servers->changed.tv_nsec))
		return false;
	servers->changed = status.st_mtim;
	return true;
}

static bool read_system(struct buf *list)
{
	struct buf text;
	struct err err;
	int result;

	buf_init(&text, SERVERS_TEXT_MAX);
	result = io_read_file(SERVERS_SYSTEM_FILE, &text, &err);
	if (result == 0)
		servers_parse_system(buf_str(&text), list);
	else
		log_warning("%s; the DNS servers stay as they were until dnsd is started anew", err.text);
	buf_free(&text);
	return result == 0;
}

bool servers_refresh(struct servers *servers, const char *setting)
{
	bool detects = setting[0] == '\0', is_known = true;
	struct buf list;
	bool differs;

	if (detects && servers->detected && !system_changed(servers))
		return false;
	buf_init(&list, SERVERS_TEXT_MAX);
	if (detects)
		is_known = read_system(&list);
	else
		buf_add_str(&list, str_of(setting));
	differs = is_known && !str_equal(buf_str(&list), buf_str(&servers->list));
	if (differs) {
		buf_reset(&servers->list);
		buf_add_str(&servers->list, buf_str(&list));
		if (list.len == 0)
			log_warning("%s names no server: the DNS is asked from its root on", SERVERS_SYSTEM_FILE);
	}
	servers->detected = detects;
	buf_free(&list);
	return differs;
}
