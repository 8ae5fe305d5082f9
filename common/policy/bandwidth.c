#include "common/policy/bandwidth.h"

#include "common/base/io.h"
#include "common/settings/pools.h"

#include <time.h>

enum {
	SLICES_IN_SECOND = 10,
	SLICE_MIN = 512,
	WAIT_MAX_MS = 60000, /* at once; then it is looked again */
};

static void rest(int64_t wait_ms)
{
	if (wait_ms > 0)
		nanosleep(&(struct timespec){wait_ms / 1000, wait_ms % 1000 * 1000000}, NULL);
}

/* Octets of its own limit, after the time that those before them take. */
static size_t take_own(struct bandwidth *bandwidth, int64_t rate, size_t wanted)
{
	int64_t slice = rate / SLICES_IN_SECOND > SLICE_MIN ? rate / SLICES_IN_SECOND : SLICE_MIN, now = io_now_ms();

	if (bandwidth->free_at_ms > now)
		rest(bandwidth->free_at_ms - now);
	else
		bandwidth->free_at_ms = now;
	if ((int64_t)wanted > slice)
		wanted = (size_t)slice;
	bandwidth->free_at_ms += (int64_t)wanted * 1000 / rate;
	return wanted;
}

static size_t take_of_pool(struct bandwidth *bandwidth, size_t wanted)
{
	while (bandwidth->credit <= 0) {
		int64_t wait_ms = 0;

		if (status_bandwidth(bandwidth->status, -bandwidth->limit, &bandwidth->credit, &wait_ms) != 0)
			return bandwidth->usual > 0 ? take_own(bandwidth, bandwidth->usual, wanted) : wanted;
		rest(wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
	}
	if ((int64_t)wanted > bandwidth->credit)
		wanted = (size_t)bandwidth->credit;
	bandwidth->credit -= (int64_t)wanted;
	return wanted;
}

static size_t throttle(size_t wanted, void *context)
{
	struct bandwidth *bandwidth = context;

	return bandwidth->limit > 0 ? take_own(bandwidth, bandwidth->limit, wanted) : take_of_pool(bandwidth, wanted);
}

static void set_limit(struct bandwidth *bandwidth, int64_t limit)
{
	if (bandwidth->limit != limit)
		bandwidth->credit = 0;
	bandwidth->limit = limit;
	bandwidth->conn->throttle = limit != 0 ? throttle : NULL;
	bandwidth->conn->throttle_context = bandwidth;
}

/* What the script wants; where it is none, fails or answers nonsense, the limit stays as it is. */
static void ask_script(struct bandwidth *bandwidth, const struct bandwidth_user *user)
{
	static const char function[] = "GetBandwidth";
	const struct conn *conn = bandwidth->conn;
	const struct script_field fields[] = {
	    {"clientip", script_text(str_of(conn->peer))},
	    {"serveraddress", script_text(str_of(conn->local))},
	    {"serverport", script_number(conn->local_port)},
	    {"servertype", script_text(str_of(bandwidth->type))},
	    {"serverid", script_number(bandwidth->settings->service)},
	    {"serverbandwidth", script_number(bandwidth->usual)},
	    {"bandwidth", script_number(bandwidth->limit)},
	    {"userbandwidth", script_number(0)},
	    {"username", script_text(str_of(user != NULL ? user->name : NULL))},
	    {"usernumber", script_number(user != NULL ? user->uid : 0)},
	};
	const struct script_value argument = script_table(fields, user != NULL ? 10 : 8);
	struct script_value result = {.type = SCRIPT_NUMBER};
	struct arena arena;

	if (!script_has_function(&bandwidth->script, function))
		return;
	arena_init(&arena);
	if (script_call(&bandwidth->script, function, &argument, 1, &result, 1, &arena) == 1 &&
	    result.type == SCRIPT_NUMBER) {
		if (result.number >= -POOLS_MAX && result.number <= BANDWIDTH_MAX)
			set_limit(bandwidth, result.number);
		else
			script_report(&bandwidth->script, function, STR("the result is neither a bandwidth nor a pool"));
	}
	arena_free(&arena);
	script_close(&bandwidth->script);
}

void bandwidth_begin(struct bandwidth *bandwidth, struct conn *conn, struct status *status,
                     const struct settings *settings, enum setting setting, const struct bandwidth_user *user)
{
	*bandwidth = (struct bandwidth){.conn = conn, .status = status, .settings = settings};
	bandwidth->type = setting == SETTING_SMTP_BANDWIDTH ? "SMTP" : setting == SETTING_POP3_BANDWIDTH ? "POP3" : "IMAP4";
	if (bandwidth_parse(str_of(settings_text(settings, setting)), &bandwidth->usual, NULL) != 0)
		bandwidth->usual = 0;
	set_limit(bandwidth, bandwidth->usual);
	script_open(&bandwidth->script, settings->instance, BANDWIDTH_SCRIPT, NULL, status);
	ask_script(bandwidth, user);
}

void bandwidth_login(struct bandwidth *bandwidth, const struct bandwidth_user *user)
{
	ask_script(bandwidth, user);
}
