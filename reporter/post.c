#include "reporter/reporter.h"

#include "common/base/log.h"

enum { POST_MS = 70000 /* fetchd answers within 60 s */ };

static int post(struct ipc_channel *fetchd, struct str url, const char *media, struct str body, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "post");
	ipc_add(&request, "url", url);
	ipc_add_text(&request, "type", media);
	ipc_add(&request, "body", body);
	result = ipc_call(fetchd, &request, &reply, POST_MS, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

size_t report_post(const struct reporter *reporter, const struct report *report, struct str packed,
                   const struct report_target *targets, size_t count)
{
	struct ipc_channel fetchd = {.fd = -1};
	size_t taken = 0;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		if (!targets[i].is_web)
			continue;
		if ((fetchd.fd >= 0 || ipc_connect(&fetchd, reporter->instance, "fetchd", "reporter", &err) == 0) &&
		    post(&fetchd, targets[i].text, report->kind->media, packed, &err) == 0) {
			taken++;
			log_info("%s report of %.*s to %.*s", report->kind->name, STR_ARG(report->domain),
			         STR_ARG(targets[i].text));
		} else {
			log_warning("the %s report of %.*s was not taken by %.*s: %s", report->kind->name, STR_ARG(report->domain),
			            STR_ARG(targets[i].text), err.text);
		}
	}
	ipc_close(&fetchd);
	return taken;
}
