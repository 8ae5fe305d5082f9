/*
 * A collector's account into a mailbox: the collector's session fetches, and asks here what is wanted; this process,
 * which has become the mail user, stores (collector/copy.h has the dialogue). Each message has an id made of where it
 * was found, which the mailbox takes once: so what an interrupted copy has stored is not even fetched again.
 */
#include "common/base/io.h"
#include "common/imap/text.h"
#include "common/settings/settings.h"
#include "ctl/collect.h"
#include "ctl/mailbox.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUNDLE_MAX = 1000, /* messages that are stored together */
	ANSWER_MS = 60000, /* for the collector, after its session has ended */
};

static const struct ctl_command copy_usage = {"collector copy", "NAME USER [--folder FOLDER] [--dry-run]", NULL, NULL,
                                              false};

struct copy {
	const char *collector, *user, *below; /* below: a folder, or NULL */
	bool is_trial;
	struct str sent, trash, drafts; /* what these are called here */
	struct mailbox *mailbox;
	int64_t folder;
	uint32_t uidvalidity;
	struct str name; /* of the folder there */
	int64_t found, wanted, stored;
	struct arena arena, folder_arena, names; /* of one request, of a folder, of all */
	struct store_append appends[BUNDLE_MAX];
	struct store_source sources[BUNDLE_MAX];
};

static struct str id_of(struct copy *copy, uint32_t uid)
{
	struct str source = arena_printf(&copy->arena, "imap %s %u.%u", copy->collector, copy->uidvalidity, uid);

	return import_id(copy->name, source, &copy->arena);
}

static int read_names(struct ctl *ctl, struct copy *copy, struct err *err)
{
	struct settings settings;

	if (settings_open(&settings, &ctl->instance, false, err) != 0)
		return -1;
	copy->sent = arena_copy(&copy->names, str_of(settings_text(&settings, SETTING_MAILBOX_SENT)));
	copy->trash = arena_copy(&copy->names, str_of(settings_text(&settings, SETTING_MAILBOX_TRASH)));
	copy->drafts = arena_copy(&copy->names, str_of(settings_text(&settings, SETTING_MAILBOX_DRAFTS)));
	settings_close(&settings);
	return 0;
}

/* What a folder of the account is called here. */
static struct str name_here(const struct copy *copy, struct str name, struct str use, struct arena *arena)
{
	if (str_equal(use, STR("sent")) && copy->sent.len > 0)
		name = copy->sent;
	else if (str_equal(use, STR("trash")) && copy->trash.len > 0)
		name = copy->trash;
	else if (str_equal(use, STR("drafts")) && copy->drafts.len > 0)
		name = copy->drafts;
	name = imap_mailbox_name(name, arena);
	if (copy->below == NULL)
		return name;
	if (str_equal(name, STR("INBOX")))
		return imap_mailbox_name(str_of(copy->below), arena);
	return imap_mailbox_name(arena_printf(arena, "%s/%.*s", copy->below, STR_ARG(name)), arena);
}

static int take_folder(struct copy *copy, const struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	int64_t uidvalidity, messages;
	struct str here;

	(void)reply;
	arena_reset(&copy->folder_arena);
	if (!ipc_get_number(request, "uidvalidity", 0, UINT32_MAX, &uidvalidity) ||
	    !ipc_get_number(request, "messages", 0, UINT32_MAX, &messages))
		return err_set(err, ERR_PROTOCOL, "a folder came that is none");
	copy->uidvalidity = (uint32_t)uidvalidity;
	copy->found += messages;
	copy->name = arena_copy(&copy->folder_arena, ipc_get(request, "name"));
	here = name_here(copy, copy->name, ipc_get(request, "use"), &copy->arena);
	if (copy->is_trial)
		printf("%10lld  %.*s\n", (long long)messages, STR_ARG(here));
	else if (import_find_folder(copy->mailbox, here, &copy->folder, err) != 0)
		return err_prefix(err, "%.*s", STR_ARG(here));
	return 0;
}

static int take_known(struct copy *copy, const struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	struct str key, value;
	size_t position = 0;
	struct buf wanted;
	uint64_t uid;
	int known = 0;

	buf_init(&wanted, IPC_PACKET_MAX);
	while (known >= 0 && ipc_next(request, &position, &key, &value)) {
		if (!str_equal(key, STR("uid")) || !str_to_u64(value, UINT32_MAX, &uid))
			continue;
		known = store_has_had(copy->mailbox, id_of(copy, (uint32_t)uid), err);
		copy->wanted += known == 0;
		buf_add_char(&wanted, known == 0 && !copy->is_trial ? '1' : '0');
	}
	ipc_add(reply, "wanted", buf_str(&wanted));
	buf_free(&wanted);
	return known < 0 ? -1 : 0;
}

/* The next number of a field, 0 to max. */
static bool take_number(struct str *field, int64_t max, int64_t *number)
{
	uint64_t value;

	if (!str_to_u64(str_cut(field, ' '), (uint64_t)max, &value))
		return false;
	*number = (int64_t)value;
	return true;
}

/* "OFFSET SIZE FLAGS DATE UID KEYWORDS": a message in a file of file_size octets. */
static bool add_message(struct copy *copy, size_t at, struct str field, int fd, int64_t file_size)
{
	const int64_t all = STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT;
	struct store_append *append = &copy->appends[at];
	struct store_source *source = &copy->sources[at];
	int64_t flags, uid;

	*source = (struct store_source){.fd = fd};
	*append = (struct store_append){.mailbox = copy->mailbox, .folder = copy->folder, .source = source};
	if (!take_number(&field, file_size, &source->offset) ||
	    !take_number(&field, file_size - source->offset, &source->size) || source->size == 0 ||
	    !take_number(&field, all, &flags) || !take_number(&field, INT64_MAX, &append->internal_date) ||
	    !take_number(&field, UINT32_MAX, &uid))
		return false;
	append->flags = (unsigned)flags;
	append->keywords = import_keywords(field, &copy->arena);
	source->id = id_of(copy, (uint32_t)uid);
	return true;
}

static int store(struct copy *copy, size_t count, struct err *err)
{
	store_append(copy->appends, count, MAIL_WAIT_MS);
	for (size_t i = 0; i < count; i++) {
		if (copy->appends[i].result == STORE_FAILED) {
			*err = copy->appends[i].err;
			return -1;
		}
		copy->stored += copy->appends[i].result == STORE_ADDED;
	}
	mail_progress("messages", copy->stored, false);
	return 0;
}

static int take_file(struct copy *copy, const struct ipc_message *request, int fd, struct err *err)
{
	struct str key, value;
	size_t position = 0, count = 0;
	struct stat status;

	if (copy->is_trial || copy->folder == 0 || fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_PROTOCOL, "messages came that nobody asked for");
	while (ipc_next(request, &position, &key, &value))
		if (str_equal(key, STR("message")) &&
		    (count == BUNDLE_MAX || !add_message(copy, count++, value, fd, status.st_size)))
			return err_set(err, ERR_PROTOCOL, "a message came that is none");
	return store(copy, count, err);
}

static int take_messages(struct copy *copy, struct ipc_message *request, struct err *err)
{
	int fd = ipc_take_fd(request, 0);
	int result = take_file(copy, request, fd, err);

	if (fd >= 0)
		close(fd);
	return result;
}

static void answer(struct copy *copy, struct ipc_message *request, struct ipc_message *reply)
{
	struct err err;
	int result;

	arena_reset(&copy->arena);
	ipc_reply_ok(reply);
	if (ipc_is(request, "folder"))
		result = take_folder(copy, request, reply, &err);
	else if (ipc_is(request, "known"))
		result = take_known(copy, request, reply, &err);
	else if (ipc_is(request, "messages"))
		result = take_messages(copy, request, &err);
	else
		result = err_set(&err, ERR_PROTOCOL, "that is nothing to ask here");
	if (result != 0) {
		ipc_message_reset(reply);
		ipc_reply_error(reply, &err);
	}
}

/* Answer the collector's session until it ends. */
static void serve(struct copy *copy, int fd)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;
	bool goes_on = true;

	while (goes_on) {
		ipc_message_init(&request);
		ipc_message_init(&reply);
		goes_on = ipc_receive(fd, &request, &sequence, -1, &err) == 1;
		if (goes_on) {
			answer(copy, &request, &reply);
			goes_on = ipc_send(fd, &reply, sequence, &err) == 0;
		}
		ipc_message_free(&request);
		ipc_message_free(&reply);
	}
	mail_progress("messages", copy->stored, true);
}

/* Ask the collector to begin, and give it the other end of *fd_out. */
static int begin(const struct copy *copy, struct ipc_channel *channel, int *fd_out)
{
	struct ipc_message request;
	uint32_t sequence;
	struct err err;
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ctl_refuse("cannot make a pair of sockets");
	ipc_message_init(&request);
	ipc_request(&request, "copy");
	ipc_add_text(&request, "name", copy->collector);
	ipc_add_fd(&request, pair[1]);
	result = ipc_ask(channel, &request, &sequence, &err);
	ipc_message_free(&request);
	close(pair[1]);
	*fd_out = pair[0];
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

/* How the run ended, as the collector says. */
static int report(const struct copy *copy, struct ipc_channel *channel)
{
	struct ipc_message reply;
	uint32_t sequence;
	struct err err;
	int64_t ok;
	int status = CTL_REFUSED;

	ipc_message_init(&reply);
	if (ipc_await(channel, &reply, &sequence, ANSWER_MS, &err) != 0 || ipc_check_answer(&reply, &err) != 0) {
		ctl_refuse_err(&err);
	} else if (!ipc_get_number(&reply, "ok", 0, 1, &ok) || ok == 0) {
		ctl_refuse("%.*s", STR_ARG(ipc_get(&reply, "result")));
	} else {
		status = CTL_DONE;
		if (copy->is_trial)
			printf("%lld messages, of which %lld are not here yet\n", (long long)copy->found, (long long)copy->wanted);
		else
			printf("%.*s, %lld were there already\n", STR_ARG(ipc_get(&reply, "result")),
			       (long long)(copy->found - copy->wanted));
	}
	if (status != CTL_DONE && copy->stored > 0)
		fprintf(stderr, "%lld messages were copied; the same command goes on from there\n", (long long)copy->stored);
	ipc_message_free(&reply);
	return status;
}

static bool parse(struct copy *copy, int argc, char **argv)
{
	static const struct option options[] = {
	    {"folder", required_argument, NULL, 'f'}, {"dry-run", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			copy->below = optarg;
		else if (option == 'n')
			copy->is_trial = true;
		else
			return false;
	}
	if (argc - optind != 2)
		return false;
	copy->collector = argv[optind];
	copy->user = argv[optind + 1];
	return true;
}

int collect_copy(struct ctl *ctl, int argc, char **argv)
{
	static struct copy copy;
	struct ipc_channel channel;
	struct err err;
	int fd = -1, status;

	if (!parse(&copy, argc, argv))
		return ctl_usage(&copy_usage);
	arena_init(&copy.arena);
	arena_init(&copy.folder_arena);
	arena_init(&copy.names);
	if (read_names(ctl, &copy, &err) != 0)
		return ctl_refuse_err(&err);
	status = ctl_reach(ctl, "collector", &channel); /* before the right to do so is given up */
	if (status != CTL_DONE)
		return status;
	status = mail_open(ctl, copy.user, false, &copy.mailbox);
	if (status == CTL_DONE) {
		status = begin(&copy, &channel, &fd);
		if (status == CTL_DONE) {
			serve(&copy, fd);
			status = report(&copy, &channel);
		}
		if (fd >= 0)
			close(fd);
		mailbox_close(copy.mailbox);
	}
	ipc_close(&channel);
	arena_free(&copy.arena);
	arena_free(&copy.folder_arena);
	arena_free(&copy.names);
	return status;
}
