#include "reporter/reporter.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/mailauth/dns/channel.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DAYS_BACK = 3,   /* a day that could not be reported then, is reported later */
	QUIET_S = 600,   /* after midnight: sessions that began before it are over */
	TURN_MS = 60000, /* for which a turn goes on */
	DNS_MS = 20000,  /* for the questions about one domain */
	ROWS_MAX = 10000,
	ANSWER_MS = 30000,
};

/* What is worked on, one domain after the other. */
struct work {
	const struct report_kind *kind;
	struct reporter *reporter;
	struct ipc_channel policyd, dnsd;
	struct arena arena; /* of one domain */
};

/* One domain's day as policyd has it. */
struct domain_day {
	struct str domain;
	int64_t messages, rows;
	bool sent;
};

static int work_open(struct work *work, struct reporter *reporter, const struct report_kind *kind, struct err *err)
{
	*work = (struct work){.kind = kind, .reporter = reporter, .policyd = {.fd = -1}, .dnsd = {.fd = -1}};
	arena_init(&work->arena);
	if (ipc_connect(&work->policyd, reporter->instance, "policyd", "reporter", err) != 0)
		return -1;
	return ipc_connect(&work->dnsd, reporter->instance, "dnsd", "reporter", err);
}

static void work_close(struct work *work)
{
	ipc_close(&work->policyd);
	ipc_close(&work->dnsd);
	arena_free(&work->arena);
}

/* what: of the requests that begin with the kind's name. */
static int ask_policyd(struct work *work, const char *what, int64_t day, struct str domain, struct ipc_message *answer,
                       struct err *err)
{
	struct ipc_message request;
	char op[32];
	int result;

	snprintf(op, sizeof op, "%s-%s", work->kind->prefix, what);
	ipc_message_init(&request);
	ipc_request(&request, op);
	ipc_add_number(&request, "day", day);
	if (domain.len > 0)
		ipc_add(&request, "domain", domain);
	result = ipc_call(&work->policyd, &request, answer, ANSWER_MS, err);
	ipc_message_free(&request);
	return result;
}

/* The next domain of an answer to the question for them; what cannot be one is passed over. */
static bool next_domain(const struct ipc_message *answer, size_t *position, struct domain_day *found_out)
{
	struct str key, value;
	uint64_t number;

	*found_out = (struct domain_day){0};
	while (ipc_next(answer, position, &key, &value)) {
		if (str_equal(key, STR("domain")))
			found_out->domain = value;
		else if (str_equal(key, STR("messages")) && str_to_u64(value, INT64_MAX, &number))
			found_out->messages = (int64_t)number;
		else if (str_equal(key, STR("rows")) && str_to_u64(value, INT64_MAX, &number))
			found_out->rows = (int64_t)number;
		else if (str_equal(key, STR("sent"))) {
			found_out->sent = str_equal(value, STR("1"));
			if (addr_is_domain(found_out->domain))
				return true;
		}
	}
	return false;
}

/* The rows of a domain's day, in the arena. -1: policyd does not say. */
static int read_rows(struct work *work, struct report *report, struct err *err)
{
	struct report_row *rows = arena_get(&work->arena, ROWS_MAX * sizeof *rows);
	struct ipc_message answer;
	struct str key, value;
	uint64_t count;

	ipc_message_init(&answer);
	if (ask_policyd(work, "rows", report->day, report->domain, &answer, err) != 0) {
		ipc_message_free(&answer);
		return -1;
	}
	for (size_t position = 0; ipc_next(&answer, &position, &key, &value) && report->row_count < ROWS_MAX;) {
		if (str_equal(key, STR("row")))
			rows[report->row_count].text = arena_copy(&work->arena, value);
		else if (str_equal(key, STR("count")) && str_to_u64(value, INT64_MAX, &count))
			rows[report->row_count++].count = (int64_t)count;
	}
	ipc_message_free(&answer);
	report->rows = rows;
	return 0;
}

static struct str contact_of(const struct settings *settings, struct arena *arena)
{
	const char *sender = settings_text(settings, SETTING_MAILAUTH_DMARC_SENDER);
	const char *domain = settings_default_domain(settings);

	if (sender[0] != '\0')
		return arena_copy(arena, str_of(sender));
	return arena_printf(arena, "postmaster@%s", domain[0] != '\0' ? domain : settings_host_name(settings));
}

/* The report of a domain's day, written into text. -1: also ERR_NOT_FOUND: there is nothing to report. */
static int make_report(struct work *work, struct str domain, int64_t day, struct report *report, struct buf *text,
                       struct err *err)
{
	const struct settings *settings = &work->reporter->settings;
	const char *own = settings_default_domain(settings);

	*report = (struct report){
	    .kind = work->kind,
	    .domain = domain,
	    .day = day,
	    .organisation = arena_copy(&work->arena, str_of(own[0] != '\0' ? own : settings_host_name(settings))),
	    .host = arena_copy(&work->arena, str_of(settings_host_name(settings))),
	    .contact = contact_of(settings, &work->arena),
	    .contact_name = STR(""),
	};
	report->id = arena_printf(&work->arena, "%lld.%.*s@%.*s", (long long)day * REPORT_DAY_S, STR_ARG(domain),
	                          STR_ARG(report->host));
	return read_rows(work, report, err) != 0 ? -1 : work->kind->write(report, text, err);
}

static int find_targets(struct work *work, struct str domain, struct report_target *targets, size_t *count,
                        struct err *err)
{
	struct mailauth_channel channel;
	struct mailauth_dns dns;

	mailauth_channel_init(&channel, &work->dnsd);
	dns = mailauth_channel_dns(&channel);
	dns.deadline_ms = io_now_ms() + DNS_MS;
	return work->kind->find_targets(&dns, domain, &work->arena, targets, count, err);
}

/* Compress it and give it to all who are to have it. -1: not now; also, where none but web servers want it and none
 * took it. */
static int give(struct work *work, const struct report *report, struct str text, const struct report_target *targets,
                size_t count, struct err *err)
{
	struct buf packed;
	size_t posted = 0;
	int result, mailed = 0;

	buf_init(&packed, REPORT_TEXT_MAX);
	result = report_compress(text, &packed, err);
	if (result == 0)
		posted = report_post(work->reporter, report, buf_str(&packed), targets, count);
	if (result == 0)
		mailed = report_send(work->reporter, report, buf_str(&packed), targets, count, err);
	if (result == 0 && mailed == 0 && posted == 0 && targets[0].is_web)
		result = err_set(err, ERR_TEMPORARY, "no web server took it");
	buf_free(&packed);
	return mailed < 0 ? -1 : result;
}

/* The same, as far as dmarcreporter.lua wants it. */
static int give_as_wanted(struct work *work, struct report *report, struct str text,
                          struct report_target targets[REPORT_TARGETS_MAX], size_t count, struct err *err)
{
	report_script_recipients(work->reporter, report, &work->arena, targets, &count);
	if (count == 0) {
		log_info("no %s report of %.*s: dmarcreporter.lua wants none", work->kind->name, STR_ARG(report->domain));
		return 0;
	}
	report_script_details(work->reporter, report, targets, count, &work->arena);
	return give(work, report, text, targets, count, err);
}

/* Report one domain's day, and have policyd remember that. -1: not now. */
static int send_one(struct work *work, struct str domain, int64_t day, struct err *err)
{
	struct report_target targets[REPORT_TARGETS_MAX];
	struct ipc_message answer;
	struct report report;
	struct buf text;
	size_t count = 0;
	int result = find_targets(work, domain, targets, &count, err);

	buf_init(&text, REPORT_TEXT_MAX);
	if (result == 0 && count == 0)
		log_info("no %s report of %.*s: no address takes it", work->kind->name, STR_ARG(domain));
	if (result == 0 && count > 0) {
		result = make_report(work, domain, day, &report, &text, err);
		if (result == 0)
			result = give_as_wanted(work, &report, buf_str(&text), targets, count, err);
		else if (err->code == ERR_NOT_FOUND)
			result = 0;
	}
	buf_free(&text);
	ipc_message_init(&answer);
	if (result == 0)
		result = ask_policyd(work, "sent", day, domain, &answer, err);
	ipc_message_free(&answer);
	return result;
}

/* All of a day that were not reported, or the one that is named. A domain whose DNS does not answer waits alone. */
static int send_day(struct work *work, int64_t day, struct str only, int64_t until_ms, struct err *err)
{
	struct ipc_message answer;
	struct domain_day found;
	int result;

	ipc_message_init(&answer);
	result = ask_policyd(work, "domains", day, STR(""), &answer, err);
	for (size_t position = 0; result == 0 && io_now_ms() < until_ms && next_domain(&answer, &position, &found);) {
		if (found.sent || (only.len > 0 && !str_equal(found.domain, only)))
			continue;
		if (send_one(work, found.domain, day, err) != 0)
			log_warning("the %s report of %.*s has to wait: %s", work->kind->name, STR_ARG(found.domain), err->text);
		if (work->policyd.fd < 0)
			result = -1;
		arena_reset(&work->arena);
	}
	ipc_message_free(&answer);
	return result;
}

/* All that is due of one kind. */
static void turn(struct reporter *reporter, const struct report_kind *kind, int64_t today)
{
	int64_t until_ms = io_now_ms() + TURN_MS;
	struct work work;
	struct err err;
	int result = work_open(&work, reporter, kind, &err);

	for (int64_t day = today - DAYS_BACK; result == 0 && day < today; day++)
		result = send_day(&work, day, STR(""), until_ms, &err);
	if (result != 0)
		log_warning("no %s reports now: %s", kind->name, err.text);
	work_close(&work);
}

void work_turn(struct reporter *reporter, int64_t now)
{
	settings_refresh(&reporter->settings);
	for (size_t i = 0; i < REPORT_KINDS; i++)
		if (settings_flag(&reporter->settings, report_kinds[i].setting))
			turn(reporter, &report_kinds[i], (now - QUIET_S) / REPORT_DAY_S);
}

static int list_day(struct work *work, int64_t day, struct ipc_message *reply, struct err *err)
{
	struct ipc_message answer;
	struct domain_day found;
	int result;

	ipc_message_init(&answer);
	result = ask_policyd(work, "domains", day, STR(""), &answer, err);
	for (size_t position = 0; result == 0 && next_domain(&answer, &position, &found);) {
		json_t *object = json_pack("{s:s%, s:I, s:I, s:b}", "domain", found.domain.data, found.domain.len, "messages",
		                           (json_int_t)found.messages, "rows", (json_int_t)found.rows, "sent", (int)found.sent);
		char *text = json_dumps(object, JSON_COMPACT);

		ipc_add_text(reply, "report", text);
		free(text);
		json_decref(object);
	}
	ipc_message_free(&answer);
	return result;
}

/* What one domain would get, and where. */
static int show_one(struct work *work, int64_t day, struct str domain, struct ipc_message *reply, struct err *err)
{
	struct report_target targets[REPORT_TARGETS_MAX];
	struct report report;
	struct buf text;
	size_t count = 0;
	int result;

	buf_init(&text, REPORT_TEXT_MAX);
	result = make_report(work, domain, day, &report, &text, err);
	if (result == 0)
		result = find_targets(work, domain, targets, &count, err);
	for (size_t i = 0; result == 0 && i < count; i++)
		ipc_add(reply, "recipient", targets[i].text);
	if (result == 0)
		ipc_add(reply, "text-of-report", buf_str(&text));
	buf_free(&text);
	return result;
}

int work_answer(struct reporter *reporter, const struct ipc_message *request, struct ipc_message *reply, int64_t now,
                struct err *err)
{
	struct str domain = ipc_get(request, "domain");
	bool is_tls = str_equal(ipc_get(request, "kind"), STR("tls"));
	int64_t day, send = 0;
	struct work work;
	int result;

	if (!ipc_is(request, "report") || !ipc_get_number(request, "day", 0, INT32_MAX, &day))
		return err_set(err, ERR_PROTOCOL, "reporter is asked for the report of a day");
	ipc_get_number(request, "send", 0, 1, &send);
	if (domain.len > 0 && !addr_is_domain(domain))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a domain", STR_ARG(domain));
	if (send != 0 && day >= now / REPORT_DAY_S)
		return err_set(err, ERR_DENIED, "that day (UTC) is not over; what comes in it later would not be reported");
	settings_refresh(&reporter->settings);
	result = work_open(&work, reporter, &report_kinds[is_tls ? REPORT_TLS : REPORT_DMARC], err);
	if (result == 0 && send != 0)
		result = send_day(&work, day, domain.data != NULL ? domain : STR(""), io_now_ms() + TURN_MS, err);
	if (result == 0)
		result =
		    domain.len > 0 && send == 0 ? show_one(&work, day, domain, reply, err) : list_day(&work, day, reply, err);
	work_close(&work);
	return result;
}
