/* Questions to dnsd over a channel: side by side, answered in any order, forgotten, refused. */
#include "common/mailauth/dns/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 5000, QUESTIONS_MAX = 32 };

struct scene {
	struct ipc_channel ipc;
	struct mailauth_channel channel;
	struct mailauth_dns dns;
	struct arena arena;
	pid_t dnsd;
};

/* The answer to a question is its own name, as the one record. */
static void answer(int fd, uint32_t sequence, const char *name, bool is_refused)
{
	const struct err refusal = {.code = ERR_TEMPORARY, .text = "SERVFAIL"};
	struct ipc_message reply;

	ipc_message_init(&reply);
	if (is_refused)
		ipc_reply_error(&reply, &refusal);
	else
		ipc_reply_ok(&reply);
	ipc_add_text(&reply, "rr", name);
	ipc_send(fd, &reply, sequence, NULL);
	ipc_message_free(&reply);
}

/* Answers nothing before `count` questions are there, then the last one first. Its exit status: too few came. */
static int play_dnsd(int fd, size_t count, bool refuses)
{
	char names[QUESTIONS_MAX][MAILAUTH_NAME_MAX + 1];
	uint32_t sequences[QUESTIONS_MAX];
	struct ipc_message question;
	struct err err;

	ipc_message_init(&question);
	for (size_t i = 0; i < count; i++)
		if (ipc_receive(fd, &question, &sequences[i], PATIENCE_MS, &err) != 1 ||
		    !ipc_get_text(&question, "name", names[i], sizeof names[i]))
			return 1;
	for (size_t i = count; i-- > 0;)
		answer(fd, sequences[i], names[i], refuses);
	/* more would be questions that were asked twice */
	return ipc_receive(fd, &question, &sequences[0], PATIENCE_MS, &err) == 0 ? 0 : 2;
}

static void begin(struct scene *scene, size_t count, bool refuses)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	scene->dnsd = fork();
	if (scene->dnsd == 0) {
		close(pair[0]);
		_exit(play_dnsd(pair[1], count, refuses));
	}
	close(pair[1]);
	scene->ipc = (struct ipc_channel){.fd = pair[0]};
	arena_init(&scene->arena);
	mailauth_channel_init(&scene->channel, &scene->ipc);
	scene->dns = mailauth_channel_dns(&scene->channel);
}

/* Also: everything was asked once, and no more. */
static void end(struct scene *scene)
{
	int status;

	mailauth_channel_forget(&scene->channel);
	ipc_close(&scene->ipc);
	arena_free(&scene->arena);
	assert_int_equal(waitpid(scene->dnsd, &status, 0), scene->dnsd);
	assert_int_equal(status, 0);
}

static void foresee(struct scene *scene, const char *name, enum mailauth_type type)
{
	mailauth_foresee(&scene->dns, str_of(name), type, &scene->arena);
}

static int ask(struct scene *scene, const char *name, enum mailauth_type type)
{
	struct mailauth_answer got;
	struct err err;
	int result = mailauth_query(&scene->dns, str_of(name), type, &scene->arena, &got, &err);

	if (result == 0) {
		assert_int_equal(got.status, MAILAUTH_FOUND);
		assert_int_equal(got.count, 1);
		assert_true(str_equal(got.records[0], str_of(name)));
	}
	return result;
}

static void questions_travel_together(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 3, false); /* who asked one after another would wait for ever */
	foresee(&scene, "a.test", MAILAUTH_TXT);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	foresee(&scene, "b.test", MAILAUTH_PTR);
	assert_int_equal(ask(&scene, "c.test", MAILAUTH_TXT), 0);
	assert_int_equal(ask(&scene, "a.test", MAILAUTH_TXT), 0);
	assert_int_equal(ask(&scene, "b.test", MAILAUTH_PTR), 0);
	assert_int_equal(scene.channel.count, 0);
	end(&scene);
}

static void the_type_belongs_to_the_question(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 2, false);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	assert_int_equal(ask(&scene, "a.test", MAILAUTH_A), 0);
	assert_int_equal(scene.channel.count, 1);
	end(&scene);
}

static void forgotten_answers_are_dropped(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 3, false);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	foresee(&scene, "b.test", MAILAUTH_TXT);
	mailauth_channel_forget(&scene.channel);
	assert_int_equal(ask(&scene, "c.test", MAILAUTH_TXT), 0);
	assert_int_equal(scene.channel.count, 0);
	end(&scene);
}

static void a_refusal_is_temporary(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 2, true);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	assert_int_equal(ask(&scene, "b.test", MAILAUTH_TXT), -1);
	assert_int_equal(ask(&scene, "a.test", MAILAUTH_TXT), -1);
	assert_true(scene.ipc.fd >= 0);
	end(&scene);
}

static void no_more_than_so_many(void **state)
{
	struct scene scene;
	char name[16];

	(void)state;
	begin(&scene, MAILAUTH_CHANNEL_QUESTIONS + 1, false);
	for (int i = 0; i < MAILAUTH_CHANNEL_QUESTIONS + 5; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		foresee(&scene, name, MAILAUTH_TXT);
	}
	assert_int_equal(scene.channel.count, MAILAUTH_CHANNEL_QUESTIONS);
	assert_int_equal(ask(&scene, "n19.test", MAILAUTH_TXT), 0);
	assert_int_equal(ask(&scene, "n0.test", MAILAUTH_TXT), 0);
	end(&scene);
}

static void a_dead_channel(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, 0, false);
	shutdown(scene.ipc.fd, SHUT_RDWR);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	assert_int_equal(ask(&scene, "a.test", MAILAUTH_TXT), -1);
	assert_int_equal(scene.ipc.fd, -1);
	assert_int_equal(scene.channel.count, 0);
	foresee(&scene, "a.test", MAILAUTH_TXT);
	assert_int_equal(ask(&scene, "a.test", MAILAUTH_TXT), -1);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(questions_travel_together),     cmocka_unit_test(the_type_belongs_to_the_question),
	    cmocka_unit_test(forgotten_answers_are_dropped), cmocka_unit_test(a_refusal_is_temporary),
	    cmocka_unit_test(no_more_than_so_many),          cmocka_unit_test(a_dead_channel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mailauth/dns/channel", tests, NULL, NULL);
}
