/*
 * A whole account, folder by folder, for whoever stores it (copy.h). Nothing changes at the server. The messages that
 * are wanted of a folder are fetched some at a time by one command, whose answers may come in any order; what was
 * fetched is gathered in a file that has no name, which goes to who stores it.
 */
#include "collector/copy.h"

#include "collector/login.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
	BUNDLE_OCTETS = 8 << 20, /* of one file, unless one message is larger */
	BUNDLE_MESSAGES = 100,
};

struct original {
	struct imap_client_detail detail; /* without its flags */
	unsigned flags;                   /* enum store_flag */
	struct str keywords;
	bool wanted;
};

struct folder_list {
	struct session *session;
	struct imap_client_folder *list;
	size_t count, room;
};

struct copy {
	struct session *session;
	struct ipc_channel storer;
	struct arena arena; /* of a folder */
	struct original *originals;
	size_t count, room;
	int fd; /* of the bundle */
	int64_t size;
	struct ipc_message bundle;
	size_t bundled;
	bool one_by_one; /* the server does not say in front of a message which it is */
	int64_t folders, left_out;
	struct str prefix; /* of the names of all own folders but INBOX */
};

static int call(struct copy *copy, struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	return ipc_call(&copy->storer, request, reply, COPY_TIMEOUT_MS, err);
}

static int take_folder(const struct imap_client_folder *folder, void *context, struct err *err)
{
	struct folder_list *folders = context;

	(void)err;
	if (!folder->selectable || folder->use == IMAP_CLIENT_USE_VIEW)
		return 0;
	if (folders->count == folders->room) {
		folders->room = folders->room != 0 ? 2 * folders->room : 64;
		folders->list = memory_resize(folders->list, folders->room * sizeof *folders->list);
	}
	folders->list[folders->count] = *folder;
	folders->list[folders->count++].name = arena_copy(&folders->session->arena, folder->name);
	return 0;
}

static unsigned flag_of(struct str word)
{
	static const struct {
		struct str word;
		unsigned flag;
	} flags[] = {
	    {{"\\Seen", 5}, STORE_SEEN},       {{"\\Answered", 9}, STORE_ANSWERED}, {{"\\Flagged", 8}, STORE_FLAGGED},
	    {{"\\Deleted", 8}, STORE_DELETED}, {{"\\Draft", 6}, STORE_DRAFT},
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (str_equal_nocase(word, flags[i].word))
			return flags[i].flag;
	return 0;
}

static void take_original(const struct imap_client_detail *detail, void *context)
{
	struct copy *copy = context;
	struct original *original;
	struct buf keywords;

	if (copy->count == copy->room) {
		copy->room = copy->room != 0 ? 2 * copy->room : 256;
		copy->originals = memory_resize(copy->originals, copy->room * sizeof *copy->originals);
	}
	original = &copy->originals[copy->count++];
	*original = (struct original){.detail = *detail, .keywords = STR("")};
	buf_init(&keywords, STORE_KEYWORDS_MAX);
	for (size_t i = 0; i < detail->flag_count; i++) {
		struct str word = detail->flags[i];

		original->flags |= flag_of(word);
		if (word.len > 0 && word.data[0] != '\\' && keywords.len + word.len + 1 <= STORE_KEYWORDS_MAX) {
			if (keywords.len > 0)
				buf_add_char(&keywords, ' ');
			buf_add_str(&keywords, word);
		}
	}
	if (keywords.len > 0)
		original->keywords = arena_copy(&copy->arena, buf_str(&keywords));
	buf_free(&keywords);
	original->detail.flags = NULL;
}

/* The levels of a name are parted by "/" here, and the user's own folders stand at the top. */
static struct str local_name(const struct copy *copy, const struct imap_client_folder *folder, struct arena *arena)
{
	bool is_own = folder->name.len > copy->prefix.len && str_starts(folder->name, copy->prefix);
	struct str full = is_own ? str_skip(folder->name, copy->prefix.len) : folder->name;
	char *name = arena_text(arena, full);

	for (size_t i = 0; i < full.len && folder->delimiter != '/'; i++)
		if (folder->delimiter != '\0' && name[i] == folder->delimiter)
			name[i] = '/';
		else if (name[i] == '/')
			name[i] = '_';
	return str_of(name);
}

static int tell_folder(struct copy *copy, const struct imap_client_folder *folder,
                       const struct imap_client_selected *selected, struct err *err)
{
	static const char *const uses[] = {
	    [IMAP_CLIENT_USE_SENT] = "sent",   [IMAP_CLIENT_USE_DRAFTS] = "drafts",   [IMAP_CLIENT_USE_JUNK] = "junk",
	    [IMAP_CLIENT_USE_TRASH] = "trash", [IMAP_CLIENT_USE_ARCHIVE] = "archive",
	};
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "folder");
	ipc_add(&request, "name", local_name(copy, folder, &copy->arena));
	if (folder->use != IMAP_CLIENT_USE_NONE)
		ipc_add_text(&request, "use", uses[folder->use]);
	ipc_add_number(&request, "uidvalidity", selected->uidvalidity);
	ipc_add_number(&request, "messages", (int64_t)copy->count);
	result = call(copy, &request, &reply, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* Ask which of some messages are wanted. */
static int ask_wanted(struct copy *copy, struct original *originals, size_t count, struct err *err)
{
	struct ipc_message request, reply;
	struct str wanted;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "known");
	for (size_t i = 0; i < count; i++)
		ipc_add_number(&request, "uid", originals[i].detail.uid);
	result = call(copy, &request, &reply, err);
	wanted = ipc_get(&reply, "wanted");
	if (result == 0 && wanted.len != count)
		result = err_set(err, ERR_PROTOCOL, "who stores the messages does not say which are wanted");
	for (size_t i = 0; i < count && result == 0; i++)
		originals[i].wanted = wanted.data[i] == '1';
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static int choose(struct copy *copy, struct err *err)
{
	uint64_t largest = (uint64_t)settings_number(&copy->session->settings, SETTING_COLLECT_LARGEST) << 20;

	for (size_t i = 0; i < copy->count; i += COPY_UIDS_MAX)
		if (ask_wanted(copy, &copy->originals[i], copy->count - i < COPY_UIDS_MAX ? copy->count - i : COPY_UIDS_MAX,
		               err) != 0)
			return -1;
	for (size_t i = 0; i < copy->count; i++) {
		struct original *original = &copy->originals[i];

		if (!original->wanted || original->detail.size <= largest)
			continue;
		log_warning("collector %s: message %u is left out: it has %" PRIu64 " octets, which is more than"
		            " collect.largest-message allows",
		            copy->session->collector.name, original->detail.uid, original->detail.size);
		original->wanted = false;
		copy->left_out++;
	}
	return 0;
}

/* Give what was gathered to who stores it. */
static int hand_over(struct copy *copy, struct err *err)
{
	struct ipc_message reply;
	int result;

	if (copy->bundled == 0)
		return 0;
	ipc_message_init(&reply);
	ipc_add_fd(&copy->bundle, copy->fd);
	result = call(copy, &copy->bundle, &reply, err);
	ipc_message_free(&reply);
	ipc_message_reset(&copy->bundle);
	ipc_request(&copy->bundle, "messages");
	close(copy->fd);
	copy->fd = -1;
	copy->session->result.messages += (int64_t)copy->bundled;
	copy->bundled = 0;
	copy->size = 0;
	return result;
}

/* A mail_client_take. */
static int take_octets(struct str bytes, void *context, struct err *err)
{
	struct copy *copy = context;

	if (copy->fd < 0 && (copy->fd = spool_scratch(&copy->session->drop, err)) < 0)
		return -1;
	copy->size += (int64_t)bytes.len;
	return io_write_all(copy->fd, bytes.data, bytes.len, err);
}

/* The octets of a message that has begun; original: NULL: of whichever, they are not kept. */
static int read_octets(struct copy *copy, struct original *original, struct err *err)
{
	struct session *session = copy->session;
	uint64_t largest = (uint64_t)settings_number(&session->settings, SETTING_COLLECT_LARGEST) << 20;
	int64_t begin = copy->size;

	if (imap_client_read_message(&session->imap, SMTP_DATA_MEND, largest, take_octets, copy, err) != 0)
		return -1;
	if (original == NULL || copy->size == begin)
		return 0;
	original->wanted = false;
	ipc_add(&copy->bundle, "message",
	        arena_printf(&copy->arena, "%" PRId64 " %" PRId64 " %u %" PRId64 " %u %.*s", begin, copy->size - begin,
	                     original->flags, original->detail.date, original->detail.uid, STR_ARG(original->keywords)));
	copy->bundled++;
	return 0;
}

/* Read what was asked for by one command: some of wanted. */
static int read_answers(struct copy *copy, struct original *const *wanted, size_t count, struct err *err)
{
	struct imap_client_coming coming;
	int found;

	while ((found = imap_client_next_message(&copy->session->imap, &coming, err)) == 1) {
		struct original *original = NULL;

		if (coming.uid == 0 && count == 1)
			coming.uid = wanted[0]->detail.uid;
		copy->one_by_one = copy->one_by_one || coming.uid == 0;
		for (size_t i = 0; i < count && original == NULL; i++)
			if (wanted[i]->detail.uid == coming.uid && wanted[i]->wanted)
				original = wanted[i];
		if (read_octets(copy, original, err) != 0)
			return -1;
	}
	return found;
}

/* Fetch as many of the messages from *next on as make a bundle. */
static int fetch_some(struct copy *copy, size_t *next, struct err *err)
{
	struct original *wanted[BUNDLE_MESSAGES];
	uint32_t uids[BUNDLE_MESSAGES];
	uint64_t octets = 0;
	size_t count = 0;

	for (; *next < copy->count && count < (copy->one_by_one ? 1 : BUNDLE_MESSAGES) && octets < BUNDLE_OCTETS; ++*next) {
		struct original *original = &copy->originals[*next];

		if (!original->wanted)
			continue;
		octets += original->detail.size;
		uids[count] = original->detail.uid;
		wanted[count++] = original;
	}
	if (count == 0)
		return 0;
	imap_client_ask(&copy->session->imap, uids, count, IMAP_CLIENT_WHOLE);
	if (read_answers(copy, wanted, count, err) != 0)
		return -1;
	return copy->bundled == BUNDLE_MESSAGES || copy->size >= BUNDLE_OCTETS ? hand_over(copy, err) : 0;
}

static int fetch_wanted(struct copy *copy, struct err *err)
{
	bool was_one_by_one = copy->one_by_one;
	size_t next = 0;

	while (next < copy->count)
		if (fetch_some(copy, &next, err) != 0)
			return -1;
	if (copy->one_by_one && !was_one_by_one) /* once more, for those that nobody knew which they were */
		for (next = 0; next < copy->count;)
			if (fetch_some(copy, &next, err) != 0)
				return -1;
	if (hand_over(copy, err) != 0)
		return -1;
	for (size_t i = 0; i < copy->count; i++)
		copy->left_out += copy->originals[i].wanted; /* it has gone meanwhile, or is empty */
	return 0;
}

static int copy_folder(struct copy *copy, const struct imap_client_folder *folder, struct err *err)
{
	struct session *session = copy->session;
	struct imap_client_selected selected;

	arena_reset(&copy->arena);
	copy->count = 0;
	if (imap_client_examine(&session->imap, folder->name, &selected, err) != 0)
		return err_prefix(err, "folder %.*s", STR_ARG(folder->name));
	if (selected.exists > 0 && imap_client_details(&session->imap, take_original, copy, err) != 0)
		return -1;
	copy->folders++;
	if (tell_folder(copy, folder, &selected, err) != 0 || choose(copy, err) != 0)
		return -1;
	return fetch_wanted(copy, err);
}

static int copy_folders(struct copy *copy, struct err *err)
{
	struct folder_list folders = {.session = copy->session};
	struct imap_client *imap = &copy->session->imap;
	int result = imap_client_namespace(imap, &copy->session->arena, &copy->prefix, err);

	if (result == 0)
		result = imap_client_list(imap, take_folder, &folders, err);
	for (size_t i = 0; i < folders.count && result == 0; i++)
		result = copy_folder(copy, &folders.list[i], err);
	memory_free(folders.list);
	return result;
}

static void say_result(const struct copy *copy)
{
	struct run_result *result = &copy->session->result;
	long long messages = (long long)result->messages, folders = (long long)copy->folders;
	int len = snprintf(result->text, sizeof result->text, "%lld message%s of %lld folder%s copied", messages,
	                   messages == 1 ? "" : "s", folders, folders == 1 ? "" : "s");

	if (copy->left_out > 0)
		snprintf(result->text + len, sizeof result->text - (size_t)len, ", %lld left out", (long long)copy->left_out);
}

int copy_collect(struct session *session, struct err *err)
{
	struct copy copy = {.session = session, .storer = {.fd = session->storer}, .fd = -1};
	struct err ignored;
	int result;

	arena_init(&copy.arena);
	ipc_message_init(&copy.bundle);
	ipc_request(&copy.bundle, "messages");
	result = folders_log_in(session, err);
	if (result == 0)
		result = copy_folders(&copy, err);
	if (result == 0) {
		say_result(&copy);
		imap_client_logout(&session->imap, &ignored);
	}
	transcript_end(&session->transcript);
	imap_client_close(&session->imap);
	if (copy.fd >= 0)
		close(copy.fd);
	memory_free(copy.originals);
	ipc_message_free(&copy.bundle);
	arena_free(&copy.arena);
	return result;
}
