/* authd/system: the asker's side. */
#include "authd/system.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICE "postroom"

/* What PAM says to its users is for people at terminals; what it asks is the name or the password. */
static int converse(int count, const struct pam_message **messages, struct pam_response **responses_out, void *context)
{
	const struct system_question *question = context;
	struct pam_response *responses;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	responses = memory_get((size_t)count * sizeof *responses); /* PAM frees it, and the texts */
	for (int i = 0; i < count; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			responses[i].resp = memory_text(str_from(question->password, question->password_len));
		else if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			responses[i].resp = memory_text(str_of(question->user));
	}
	*responses_out = responses;
	return PAM_SUCCESS;
}

/* Answers that are about the account; all others say that nobody knows. */
static enum hash_result result_of(int code)
{
	switch (code) {
	case PAM_SUCCESS:
		return HASH_RIGHT;
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_PERM_DENIED:
	case PAM_MAXTRIES:
	case PAM_ACCT_EXPIRED:
	case PAM_CRED_INSUFFICIENT:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
		return HASH_WRONG;
	default:
		return HASH_FAILED;
	}
}

static enum hash_result ask(const struct instance *instance, struct system_question *question)
{
	const struct pam_conv conversation = {converse, question};
	char folder[INSTANCE_PATH_MAX + 32], service[INSTANCE_PATH_MAX + 64];
	pam_handle_t *pam = NULL;
	int code;

	instance_path(folder, sizeof folder, instance->etc, "pam.d");
	instance_path(service, sizeof service, instance->etc, "pam.d/" SERVICE);
	code = pam_start_confdir(SERVICE, question->user, &conversation, access(service, R_OK) == 0 ? folder : NULL, &pam);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (result_of(code) == HASH_FAILED)
		log_warning("PAM cannot say whether a password is right: %s", pam_strerror(pam, code));
	if (pam != NULL)
		pam_end(pam, code);
	return result_of(code);
}

/*
 * Made anew for each question: a file like /etc/shadow is another one after each change. What is not there on this
 * machine is not needed on it either.
 */
static int enter_sandbox(const struct instance *instance, struct err *err)
{
	static const char *const paths[] = {
	    "/usr",        "/lib",       "/lib64",          "/etc/pam.d",      "/etc/security",
	    "/etc/passwd", "/etc/group", "/etc/shadow",     "/etc/login.defs", "/etc/nsswitch.conf",
	    "/etc/ssl",    "/run",       "/etc/ld.so.cache"};
	char folder[INSTANCE_PATH_MAX + 32];
	struct sandbox sandbox;

	if (sandbox_init(&sandbox, SANDBOX_CONNECT | SANDBOX_UNIX | SANDBOX_FORK | SANDBOX_EXEC, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (access(paths[i], F_OK) == 0 && sandbox_allow(&sandbox, paths[i], SANDBOX_READ, err) != 0)
			return -1;
	if (sandbox_allow(&sandbox, "/dev/null", SANDBOX_WRITE, err) != 0)
		return -1;
	instance_path(folder, sizeof folder, instance->etc, "pam.d");
	if (access(folder, F_OK) == 0 && sandbox_allow(&sandbox, folder, SANDBOX_READ, err) != 0)
		return -1;
	return sandbox_prepare(&sandbox, err) != 0 ? -1 : sandbox_enter(&sandbox, err);
}

static void __attribute__((noreturn)) answer(const struct instance *instance, int fd, struct system_question *question)
{
	struct system_answer reply = {.sequence = question->sequence, .result = HASH_FAILED};
	struct err err;

	signal(SIGCHLD, SIG_DFL); /* modules wait for what they start */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	alarm(SYSTEM_SECONDS);
	question->user[sizeof question->user - 1] = '\0';
	if (question->password_len > sizeof question->password)
		question->password_len = sizeof question->password;
	if (enter_sandbox(instance, &err) == 0)
		reply.result = ask(instance, question);
	else
		log_error("PAM cannot be asked: %s", err.text);
	memory_wipe(question, sizeof *question);
	_exit(send(fd, &reply, sizeof reply, MSG_NOSIGNAL) == (ssize_t)sizeof reply ? 0 : 1);
}

void system_asker_run(const struct instance *instance, int fd)
{
	struct system_question question;
	struct system_answer failed;
	struct err err;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN); /* the answer says all */
	if (sandbox_enter_base(&err) != 0)
		daemon_fail(&err);
	for (;;) {
		ssize_t size = recv(fd, &question, sizeof question, 0);

		if (size < 0 && errno == EINTR)
			continue;
		if (size != (ssize_t)sizeof question)
			_exit(0); /* the loop has gone */
		pid = fork();
		if (pid == 0)
			answer(instance, fd, &question);
		failed = (struct system_answer){question.sequence, HASH_FAILED};
		if (pid < 0 && send(fd, &failed, sizeof failed, MSG_NOSIGNAL) < 0)
			_exit(0);
		memory_wipe(&question, sizeof question);
	}
}
