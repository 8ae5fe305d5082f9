/*
 * notice: what the server has to tell its people, by mail: to administrators about its own affairs (specification 06,
 * "Message targets"), to a user about his.
 *
 * A daemon hands a notice to noticed, which decides by the settings who is told, keeps quiet where the same has been
 * said often enough, and writes the mail. Nothing waits for that and nothing fails: a notice that noticed cannot take
 * is in the log, as is every other.
 *
 *     struct notices *notices = notices_new(base, instance, "sender");
 *     struct notice notice = {.target = "LanFwd", .component = NOTICE_ROUTING, .kind = NOTICE_TCPIP,
 *         .severity = NOTICE_ERROR, .item = server, .subject = STR("..."), .text = text};
 *
 *     notice_send(notices, &notice);
 *
 * The program must be among noticed's callers (common/daemon/programs.c). Sandboxed children tell their parent, which
 * sends.
 */
#ifndef POSTROOM_NOTICE_NOTICE_H
#define POSTROOM_NOTICE_NOTICE_H

#include "common/base/str.h"
#include "common/daemon/instance.h"

#include <event2/event.h>

enum {
	NOTICE_SUBJECT_MAX = 200, /* octets; what is longer is cut */
	NOTICE_TEXT_MAX = 100 * 1000,
	NOTICE_WORD_MAX = 128, /* octets of a target and an item */
};

/* Where it comes from: repeat suppression goes by these, as the administrator set it. */
enum notice_component {
	NOTICE_MISC,
	NOTICE_COLLECTOR,
	NOTICE_SENDER,
	NOTICE_FILTERING,
	NOTICE_ROUTING,
	NOTICE_COMPONENTS, /* their number */
};

enum notice_kind { NOTICE_OTHER, NOTICE_PROTOCOL, NOTICE_TCPIP, NOTICE_KINDS };

enum notice_severity {
	NOTICE_INFORMATIONAL,
	NOTICE_WARNING,
	NOTICE_ERROR,
	NOTICE_FATAL,
	NOTICE_PANIC,
	NOTICE_SEVERITIES,
};

struct notice {
	const char *target; /* one of notice_targets, or a new word: to the main administrator then */
	int64_t uid;        /* a user who is told instead, always; 0: whoever the settings name for the target */
	enum notice_component component;
	enum notice_kind kind;
	enum notice_severity severity;
	struct str address; /* of such a user: where he is told instead of in his mailbox (names and addresses, separated by
	                       commas); from configd alone; or empty */
	struct str item;    /* which one of the component's: "smarthost", "Database Backup"; or empty */
	struct str subject; /* one line */
	struct str text;    /* lines that end with LF; empty: the subject says all */
	bool html;          /* the mail has it as HTML, too, in a font of one width */
};

/* Words of the settings; NULL at the end of the list. */
extern const char *const notice_targets[];
const char *notice_component_word(enum notice_component component);
const char *notice_kind_word(enum notice_kind kind);
const char *notice_severity_word(enum notice_severity severity);
/* And back; -1: no such word. */
int notice_component_of(struct str word);
int notice_kind_of(struct str word);
int notice_severity_of(struct str word);

struct notices;
struct notices *notices_new(struct event_base *base, const struct instance *instance, const char *program);
void notices_free(struct notices *notices);
void notice_send(struct notices *notices, const struct notice *notice);

#endif
