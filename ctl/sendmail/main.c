#include "ctl/sendmail/sendmail.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void print_usage(FILE *out)
{
	fprintf(out, "usage: sendmail [-C DIR] [-t] [-i] [-f ADDRESS] [-F NAME] [-N NOTIFY] [-R FULL|HDRS] [-V ENVID] "
	             "[ADDRESS ...]\n"
	             "       sendmail -bp\n       sendmail -bs\n       mailq\n");
}

/* -oX: what the original's options meant; those that matter here, others are accepted in silence. */
static void set_old_option(struct options *options, const char *value)
{
	if (strcmp(value, "i") == 0)
		options->ignore_dots = true;
}

static bool set_mode(struct options *options, const char *value)
{
	if (strcmp(value, "p") == 0)
		options->mode = MODE_QUEUE;
	else if (strcmp(value, "s") == 0)
		options->mode = MODE_SMTP;
	else
		return strcmp(value, "m") == 0;
	return true;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "tif:r:F:N:R:V:C:b:o:B:h:O:p:q::vUmnA:L:X:")) != -1) {
		switch (option) {
		case 't':
			options->from_header = true;
			break;
		case 'i':
			options->ignore_dots = true;
			break;
		case 'f':
		case 'r':
			options->from = optarg;
			break;
		case 'F':
			options->full_name = optarg;
			break;
		case 'N':
			options->notify = optarg;
			break;
		case 'R':
			options->ret = optarg;
			break;
		case 'V':
			options->envid = optarg;
			break;
		case 'C':
			options->dir = optarg;
			break;
		case 'o':
			set_old_option(options, optarg);
			break;
		case 'b':
			if (!set_mode(options, optarg)) {
				fprintf(stderr, "sendmail: -b%s is not supported\n", optarg);
				return -1;
			}
			break;
		case '?':
			return -1;
		default: /* options of the original without a meaning here */
			break;
		}
	}
	options->recipients = argv + optind;
	options->recipient_count = argc - optind;
	return 0;
}

/* mailq: the listing is the command line's. */
static int list_queue(const struct options *options)
{
	char path[4200], self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	struct str folder = str_from(self, len > 0 ? (size_t)len : 0);
	const char *arguments[6] = {"postroom"};
	int count = 1;

	folder.len = (size_t)(str_find_last_char(folder, '/') + 1);
	snprintf(path, sizeof path, "%.*spostroom", STR_ARG(folder));
	if (options->dir != NULL) {
		arguments[count++] = "-C";
		arguments[count++] = options->dir;
	}
	arguments[count++] = "queue";
	arguments[count] = "list";
	execv(path, (char *const *)arguments);
	perror("mailq: cannot run postroom");
	return EX_UNAVAILABLE;
}

/* With the message read and smtpd there: complete it and give it over. */
static int hand_over(struct conn *conn, struct submission *submission, const struct options *options)
{
	struct err err;

	if (message_prepare(submission, options, &err) != 0) {
		fprintf(stderr, "sendmail: %s\n", err.text);
		return EX_DATAERR;
	}
	if (submission->recipient_count == 0) {
		fprintf(stderr, "sendmail: no recipients\n");
		return EX_USAGE;
	}
	return session_send(conn, submission, options);
}

static int send_message(const struct instance *instance, const struct options *options)
{
	struct submission *submission = memory_get(sizeof *submission);
	struct conn conn;
	struct err err;
	int status;

	arena_init(&submission->arena);
	buf_init(&submission->message, SENDMAIL_MESSAGE_MAX);
	if (message_read(submission, STDIN_FILENO, options->ignore_dots, &err) != 0) {
		fprintf(stderr, "sendmail: %s\n", err.text);
		status = err.code == ERR_SYSTEM ? EX_IOERR : EX_DATAERR;
	} else {
		status = session_open(instance, &conn, submission);
		if (status == EX_OK) {
			status = hand_over(&conn, submission, options);
			conn_close(&conn);
		}
	}
	buf_free(&submission->message);
	arena_free(&submission->arena);
	memory_free(submission);
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct options options = {.dir = getenv("POSTROOM_DIR")};
	struct instance instance;
	struct err err;

	log_open("sendmail");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return EX_OK;
	}
	if (parse_options(&options, argc, argv) != 0) {
		print_usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(slash != NULL ? slash + 1 : argv[0], "mailq") == 0 || options.mode == MODE_QUEUE)
		return list_queue(&options);
	if (instance_locate(&instance, options.dir, &err) != 0) {
		fprintf(stderr, "sendmail: %s\n", err.text);
		return EX_CONFIG;
	}
	return options.mode == MODE_SMTP ? relay_session(&instance) : send_message(&instance, &options);
}
