#include "fetchd/fetchd.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <time.h>

enum {
	BUSY_MS = 5000,
	MX_TEXT_MAX = 32 * 1024,
	QUIET_MS = 300 * 1000, /* a policy that cannot be had is not asked for again so soon (RFC 8461 3.3) */
	FAILURES_MAX = 256,
};

static const char *const schema[] = {
    "CREATE TABLE policy(domain TEXT PRIMARY KEY, id TEXT, mode TEXT, mx TEXT, expires INTEGER) WITHOUT ROWID",
};

/* What could not be had lately; in memory. The oldest are displaced. */
static struct failure {
	char domain[256];
	char id[STS_ID_MAX + 1];
	int64_t until_ms;
} failures[FAILURES_MAX];
static size_t next_failure;

static bool failed_lately(const struct errand *errand)
{
	for (size_t i = 0; i < FAILURES_MAX; i++)
		if (strcmp(failures[i].domain, errand->domain) == 0 && strcmp(failures[i].id, errand->id) == 0 &&
		    failures[i].until_ms > io_now_ms())
			return true;
	return false;
}

static void remember_failure(const struct errand *errand)
{
	struct failure *failure = &failures[next_failure++ % FAILURES_MAX];

	*failure = (struct failure){.until_ms = io_now_ms() + QUIET_MS};
	memcpy(failure->domain, errand->domain, sizeof failure->domain);
	memcpy(failure->id, errand->id, sizeof failure->id);
}

int policies_open(struct fetchd *fetchd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, fetchd->daemon.instance.state, "fetch/policies.db");
	if (db_open(&fetchd->policies, path, DB_CREATE, BUSY_MS, err) != 0)
		return -1;
	return db_migrate(&fetchd->policies, schema, sizeof schema / sizeof schema[0], err);
}

/* Add the policy that is kept and still counts. 1 = there is one; *same: it has that id. 0 = none, -1 = error. */
static int add_kept(struct fetchd *fetchd, const struct errand *errand, struct ipc_message *reply, bool *same,
                    struct err *err)
{
	struct db_statement statement;
	struct str list, item;
	int row;

	if (db_prepare(&fetchd->policies, &statement, "SELECT id, mode, mx FROM policy WHERE domain = ? AND expires > ?",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(errand->domain));
	db_bind_number(&statement, 2, (int64_t)time(NULL));
	row = db_step(&statement, err);
	if (row == 1) {
		*same = str_equal(db_text(&statement, 0), str_of(errand->id));
		ipc_add(reply, "id", db_text(&statement, 0));
		ipc_add(reply, "mode", db_text(&statement, 1));
		list = db_text(&statement, 2);
		while ((item = str_cut_item(&list)).len != 0)
			ipc_add(reply, "mx", item);
	}
	db_finalize(&statement);
	return row;
}

static int keep(struct fetchd *fetchd, const struct errand *errand, const struct ipc_message *fetched, struct err *err)
{
	struct db_statement statement;
	struct str key, value;
	int64_t max_age = 0;
	struct buf list;
	int result;

	buf_init(&list, MX_TEXT_MAX);
	ipc_get_number(fetched, "max-age", 0, STS_AGE_MAX, &max_age);
	for (size_t position = 0; ipc_next(fetched, &position, &key, &value);)
		if (str_equal(key, STR("mx")))
			buf_printf(&list, "%s%.*s", list.len > 0 ? "," : "", STR_ARG(value));
	result = db_prepare(&fetchd->policies, &statement,
	                    "INSERT OR REPLACE INTO policy(domain, id, mode, mx, expires) VALUES (?, ?, ?, ?, ?)", err);
	if (result == 0) {
		db_bind_text(&statement, 1, str_of(errand->domain));
		db_bind_text(&statement, 2, str_of(errand->id));
		db_bind_text(&statement, 3, ipc_get(fetched, "mode"));
		db_bind_text(&statement, 4, buf_str(&list));
		db_bind_number(&statement, 5, (int64_t)time(NULL) + max_age);
		result = db_run(&statement, err);
		db_finalize(&statement);
	}
	buf_free(&list);
	return result;
}

/* Answer with what is kept, or that there is nothing; failure: why what was asked for could not be had, or "". */
static void answer(struct fetchd *fetchd, const struct errand *errand, const char *failure)
{
	struct ipc_message reply;
	struct err err;
	bool same;
	int kept;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	kept = add_kept(fetchd, errand, &reply, &same, &err);
	if (kept == 0)
		ipc_add_text(&reply, "mode", sts_mode_word(STS_NONE));
	if (failure[0] != '\0')
		ipc_add_text(&reply, "failure", failure);
	if (kept < 0) {
		log_error("%s", err.text);
		ipc_answer_error(errand->incoming, &err);
	} else {
		ipc_answer(errand->incoming, &reply);
	}
	ipc_message_free(&reply);
}

static void fetched(struct errand *errand, struct ipc_message *reply, const struct err *err)
{
	struct fetchd *fetchd = errand->fetchd;
	enum sts_mode mode = STS_NONE;
	struct err reason = *err;

	if (reply != NULL && !sts_mode_of(ipc_get(reply, "mode"), &mode))
		err_set(&reason, ERR_PROTOCOL, "the process for it answered nonsense");
	if (reason.code == ERR_NONE && keep(fetchd, errand, reply, &reason) == 0) {
		log_info("the MTA-STS policy of %s is %s (id %s)", errand->domain, sts_mode_word(mode), errand->id);
	} else {
		remember_failure(errand);
		log_warning("the MTA-STS policy of %s (id %s) cannot be had: %s", errand->domain, errand->id, reason.text);
	}
	answer(fetchd, errand, reason.code != ERR_NONE ? reason.text : "");
}

static int read_request(const struct ipc_incoming *incoming, struct errand *errand, struct err *err)
{
	struct str domain = ipc_get(&incoming->message, "domain"), id = ipc_get(&incoming->message, "id");

	if (!addr_is_domain(domain) || addr_is_literal(domain) || !str_copy(domain, errand->domain, sizeof errand->domain))
		return err_set(err, ERR_SYNTAX, "that is no domain");
	return id.data == NULL || str_copy(id, errand->id, sizeof errand->id) ? 0
	                                                                      : err_set(err, ERR_SYNTAX, "that is no id");
}

void policies_take(struct fetchd *fetchd, struct ipc_incoming *incoming)
{
	struct errand *errand = errand_new(fetchd, ERRAND_POLICY);
	unsigned port = (unsigned)settings_number(&fetchd->settings, SETTING_SENDER_MTA_STS_PORT);
	struct ipc_message kept;
	bool same = false;
	struct err err;

	errand->incoming = incoming;
	errand->done = fetched;
	ipc_message_init(&kept);
	if (read_request(incoming, errand, &err) != 0 || add_kept(fetchd, errand, &kept, &same, &err) < 0) {
		ipc_answer_error(incoming, &err);
		errand_free(errand);
	} else if (errand->id[0] == '\0' || same || failed_lately(errand)) {
		answer(fetchd, errand, !same && errand->id[0] != '\0' ? "it could not be had a moment ago" : "");
		errand_free(errand);
	} else {
		/* RFC 8461 3.3: the host's name in the certificate is mta-sts and the domain. */
		snprintf(errand->url, sizeof errand->url, "https://mta-sts.%s:%u/.well-known/mta-sts.txt", errand->domain,
		         port);
		errand_start(errand);
	}
	ipc_message_free(&kept);
}
