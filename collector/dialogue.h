/*
 * dialogue: what a session asks its daemon and tells it, on a pair of sockets (common/ipc), one after the other.
 *
 * | op | fields | answer |
 * |---|---|---|
 * | `seen` | `message`*: "SIZE IDENTITY", 500 at most | `known`* in the same order: "FIRST-SEEN DOWNLOADED ASKED
 * MARKS", numbers of seconds since 1970, 0 for never; MARKS some letters of dialogue_marks, or "-" | | `listed` | | all
 * messages of the server were seen: what vanished is forgotten when its time is over | | `stored` | for each message
 * `message` (its identity) and behind it `[size]`, `[subject]`, `[from]`, `[to]`, `[date]`,
 *   `[token]`, `answerer`*, `fate` (some letters of dialogue_fates); `mail`*: ids of what is parked | when it is
 *   committed and let go |
 * | `deleted` | `message`* | the server confirmed that they are deleted |
 * | `notice` | `target`, `kind`, `subject`, `text` | |
 * | `result` | `connected`, `ok` (0/1), `messages`, `octets`, `text`, `stays` (0/1) | the run is over; nothing is said
 * after it, unless the session stays | | `begin` | | one that stayed collects once more, as after its first begin | |
 * `leave` | | one that stayed cannot collect once more, and there is reason to: it is begun anew |
 *
 * Security stance: a session may be anybody's; it can tell nonsense of its own collector's messages, and nothing else.
 */
#ifndef POSTROOM_COLLECTOR_DIALOGUE_H
#define POSTROOM_COLLECTOR_DIALOGUE_H

#include "collector/table.h"

enum {
	DIALOGUE_SEEN_MAX = 500,
	DIALOGUE_TIMEOUT_MS = 120000,
	DIALOGUE_NOTICES_MAX = 100, /* of one session */
};

/* Letters of marks, in this order: headers only, told, get, remove. */
#define DIALOGUE_MARKS "htgr"
/* Letters of fates: downloaded, headers only, asked, told, to be removed. */
#define DIALOGUE_FATES "dhatr"

/* The daemon's side of one run. */
struct dialogue {
	struct collectord *collectord;
	int64_t collector;
	char name[64]; /* of the collector */
	int64_t began; /* seconds since 1970 */
	int notices;
	bool has_result, stays, has_begun, has_left; /* has_begun: once more; has_left: it is to be begun anew */
	struct run_result result;
};

/* Do what a request says, and fill in the answer. */
void dialogue_answer(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply);

#endif
