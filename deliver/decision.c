#include "deliver/decision.h"

#include "common/items/responder.h"
#include "common/store/store.h"

enum { USERS_MAX = 10000, BOUNDARY_MAX = 70 };

static void write_made(const struct made *made, struct ipc_message *message)
{
	ipc_add(message, "make", made->step);
	ipc_add_number(message, "kind", made->kind);
	ipc_add(message, "from", made->from);
	for (size_t i = 0; i < made->to_count; i++)
		ipc_add(message, "to", made->to[i]);
	ipc_add(message, "head", made->head);
	ipc_add(message, "tail", made->tail);
	ipc_add_number(message, "original", made->original_at);
	ipc_add_number(message, "length", made->original_len);
	ipc_add_number(message, "8bit", made->is_8bit);
	ipc_add_number(message, "responder", made->responder);
	ipc_add_number(message, "hours", made->hours);
	if (made->file_count > 0) {
		ipc_add(message, "boundary", made->boundary);
		ipc_add_number(message, "files-of-server", made->files_of_server);
	}
	for (size_t i = 0; i < made->file_count; i++)
		ipc_add(message, "file", made->files[i]);
}

void decision_write(const struct decision *decision, struct ipc_message *message)
{
	ipc_add_number(message, "user", decision->uid);
	if (decision->deferred.len > 0)
		ipc_add(message, "deferred", decision->deferred);
	for (size_t i = 0; i < decision->folder_count; i++)
		ipc_add(message, "folder", decision->folders[i]);
	ipc_add_number(message, "flags", decision->flags);
	ipc_add(message, "keywords", decision->keywords);
	if (decision->header.data != NULL)
		ipc_add(message, "header", decision->header);
	ipc_add_number(message, "body", decision->body_at);
	ipc_add_number(message, "matched", decision->matched);
	ipc_add_number(message, "failing", decision->failing);
	ipc_add(message, "fingerprint", decision->fingerprint);
	for (size_t i = 0; i < decision->made_count; i++)
		write_made(&decision->made[i], message);
}

/* While the fields are gone through. */
struct reader {
	struct arena *arena;
	struct decision *list, *current;
	size_t count;
	struct made *made; /* of the current one; NULL: none yet */
};

static int read_number(struct str value, int64_t max, int64_t *number, struct err *err)
{
	uint64_t read;

	if (!str_to_u64(value, (uint64_t)max, &read))
		return err_set(err, ERR_PROTOCOL, "a decision has a number that is none");
	*number = (int64_t)read;
	return 0;
}

static int begin_user(struct reader *reader, struct str value, struct err *err)
{
	reader->current = &reader->list[reader->count++];
	reader->made = NULL;
	reader->current->keywords = STR("");
	reader->current->fingerprint = STR("");
	return read_number(value, INT64_MAX, &reader->current->uid, err);
}

/* Steps become part of a name: see spool_make_id. */
static bool is_step(struct str step)
{
	for (size_t i = 0; i < step.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", step.data[i]) == NULL || step.data[i] == '\0')
			return false;
	return step.len > 0 && step.len <= 40;
}

static int begin_made(struct reader *reader, struct str step, struct err *err)
{
	struct decision *decision = reader->current;

	if (decision->made == NULL)
		decision->made = arena_get(reader->arena, DECISION_MADE_MAX * sizeof *decision->made);
	if (decision->made_count == DECISION_MADE_MAX)
		return err_set(err, ERR_LIMIT, "a decision makes more than %d messages", DECISION_MADE_MAX);
	if (!is_step(step))
		return err_set(err, ERR_PROTOCOL, "a decision makes a message by no step");
	reader->made = &decision->made[decision->made_count++];
	*reader->made = (struct made){.step = step, .from = STR(""), .head = STR(""), .tail = STR(""), .boundary = STR("")};
	reader->made->to = arena_get(reader->arena, DECISION_TO_MAX * sizeof *reader->made->to);
	return 0;
}

static int add_file(struct made *made, struct str name, struct arena *arena, struct err *err)
{
	if (made->files == NULL)
		made->files = arena_get(arena, RESPONDER_FILES_MAX * sizeof *made->files);
	if (made->file_count == RESPONDER_FILES_MAX || !responder_file_name_is_valid(name))
		return err_set(err, ERR_PROTOCOL, "a decision has a file that is none, or too many");
	made->files[made->file_count++] = name;
	return 0;
}

static int read_made(struct made *made, struct str key, struct str value, struct arena *arena, struct err *err)
{
	int64_t number = 0;

	if (str_equal(key, STR("from"))) {
		made->from = value;
	} else if (str_equal(key, STR("to"))) {
		if (made->to_count == DECISION_TO_MAX)
			return err_set(err, ERR_LIMIT, "a decision makes a message for more than %d", DECISION_TO_MAX);
		made->to[made->to_count++] = value;
	} else if (str_equal(key, STR("head"))) {
		made->head = value;
	} else if (str_equal(key, STR("tail"))) {
		made->tail = value;
	} else if (str_equal(key, STR("original"))) {
		return read_number(value, INT64_MAX, &made->original_at, err);
	} else if (str_equal(key, STR("length"))) {
		return read_number(value, INT64_MAX, &made->original_len, err);
	} else if (str_equal(key, STR("responder"))) {
		return read_number(value, INT64_MAX, &made->responder, err);
	} else if (str_equal(key, STR("hours"))) {
		return read_number(value, 1000000, &made->hours, err);
	} else if (str_equal(key, STR("boundary"))) {
		made->boundary = str_sub(value, 0, BOUNDARY_MAX);
	} else if (str_equal(key, STR("files-of-server"))) {
		made->files_of_server = str_equal(value, STR("1"));
	} else if (str_equal(key, STR("file"))) {
		return add_file(made, value, arena, err);
	} else if (str_equal(key, STR("8bit")) || str_equal(key, STR("kind"))) {
		if (read_number(value, MADE_KINDS - 1, &number, err) != 0)
			return -1;
		if (str_equal(key, STR("kind")))
			made->kind = (enum made_kind)number;
		else
			made->is_8bit = number != 0;
	}
	return 0;
}

static int add_folder(struct reader *reader, struct str name, struct err *err)
{
	struct decision *decision = reader->current;

	if (decision->folders == NULL)
		decision->folders = arena_get(reader->arena, DECISION_FOLDERS_MAX * sizeof name);
	if (decision->folder_count == DECISION_FOLDERS_MAX)
		return err_set(err, ERR_LIMIT, "a decision has more than %d folders", DECISION_FOLDERS_MAX);
	decision->folders[decision->folder_count++] = name;
	return 0;
}

static int read_decision(struct reader *reader, struct str key, struct str value, struct err *err)
{
	struct decision *decision = reader->current;
	int64_t number = 0;

	if (str_equal(key, STR("folder")))
		return add_folder(reader, value, err);
	if (str_equal(key, STR("deferred")))
		decision->deferred = value;
	else if (str_equal(key, STR("keywords")))
		decision->keywords = value;
	else if (str_equal(key, STR("fingerprint")))
		decision->fingerprint = str_sub(value, 0, DECISION_FINGERPRINT_MAX);
	else if (str_equal(key, STR("body")))
		return read_number(value, INT64_MAX, &decision->body_at, err);
	else if (str_equal(key, STR("matched")))
		return read_number(value, INT64_MAX, &decision->matched, err);
	else if (str_equal(key, STR("failing")))
		return read_number(value, INT64_MAX, &decision->failing, err);
	else if (str_equal(key, STR("flags"))) {
		if (read_number(value, STORE_SEEN | STORE_FLAGGED, &number, err) != 0)
			return -1;
		decision->flags = (unsigned)number;
	} else if (str_equal(key, STR("header"))) {
		if (value.len > DECISION_HEADER_MAX)
			return err_set(err, ERR_LIMIT, "a decision has a header of more than %d octets", DECISION_HEADER_MAX);
		decision->header = value;
	}
	return 0;
}

int decisions_read(const struct ipc_message *message, struct arena *arena, struct decision **list_out,
                   size_t *count_out, struct err *err)
{
	struct reader reader = {.arena = arena};
	struct str key, value;
	size_t users = 0;
	int result = 0;

	for (size_t position = 0; ipc_next(message, &position, &key, &value);)
		users += str_equal(key, STR("user"));
	if (users > USERS_MAX)
		return err_set(err, ERR_LIMIT, "a decision is about more than %d users", USERS_MAX);
	reader.list = arena_get(arena, (users + 1) * sizeof *reader.list);
	for (size_t position = 0; result == 0 && ipc_next(message, &position, &key, &value);) {
		if (str_equal(key, STR("user")))
			result = begin_user(&reader, value, err);
		else if (reader.current != NULL && str_equal(key, STR("make")))
			result = begin_made(&reader, value, err);
		else if (reader.made != NULL)
			result = read_made(reader.made, key, value, arena, err);
		else if (reader.current != NULL)
			result = read_decision(&reader, key, value, err);
	}
	*list_out = reader.list;
	*count_out = reader.count;
	return result;
}
