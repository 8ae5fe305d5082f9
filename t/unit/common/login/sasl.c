/* sasl: exchanges between a scripted client and a scripted authd (RFC 4422, RFC 5034 section 4). */
#include "common/login/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What authd answers to each request in turn; op and bytes are what it must have been asked. */
struct turn {
	const char *op;
	const char *bytes; /* of response or initial; NULL: the field is missing */
	const char *status;
	const char *result;
	const char *challenge;
};

struct scene {
	struct conn conn;
	struct ipc_channel authd;
	struct sasl sasl;
	int client;
	pid_t child;
	struct sasl_grant grant;
	struct err err;
};

static bool play_turn(int fd, const struct turn *turn)
{
	struct ipc_message request, reply;
	struct str bytes;
	struct err err;
	uint32_t sequence;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	if (ipc_receive(fd, &request, &sequence, 5000, &err) != 1 || !ipc_is(&request, turn->op))
		return false;
	bytes = ipc_get(&request, strcmp(turn->op, "sasl-step") == 0 ? "response" : "initial");
	if ((bytes.data == NULL) != (turn->bytes == NULL) || !str_equal(bytes, str_of(turn->bytes)))
		return false;
	if (strcmp(turn->op, "sasl-start") == 0 &&
	    (!str_equal(ipc_get(&request, "service"), STR("pop3")) || !str_equal(ipc_get(&request, "tls"), STR("0"))))
		return false;
	ipc_reply_ok(&reply);
	if (strcmp(turn->status, "ok") != 0) {
		ipc_message_reset(&reply);
		ipc_add_text(&reply, "status", turn->status);
	}
	if (turn->result != NULL)
		ipc_add_text(&reply, "result", turn->result);
	if (turn->challenge != NULL)
		ipc_add_text(&reply, "challenge", turn->challenge);
	if (turn->result != NULL && strcmp(turn->result, "success") == 0) {
		ipc_add_text(&reply, "user", "fred");
		ipc_add_number(&reply, "uid", 7);
		ipc_add_text(&reply, "ticket", "t1");
	}
	return ipc_send(fd, &reply, sequence, &err) == 0;
}

static void scene_begin(struct scene *scene, const struct turn *turns, const char *client_says)
{
	int channel[2], line[2];

	*scene = (struct scene){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
	scene->child = fork();
	if (scene->child == 0) {
		bool right = true;

		close(channel[0]);
		for (; right && turns->op != NULL; turns++)
			right = play_turn(channel[1], turns);
		_exit(right ? 0 : 1);
	}
	close(channel[1]);
	scene->authd.fd = channel[0];
	conn_init(&scene->conn, line[0], 5000);
	scene->client = line[1];
	assert_int_equal(write(scene->client, client_says, strlen(client_says)), (ssize_t)strlen(client_says));
	shutdown(scene->client, SHUT_WR);
	scene->sasl =
	    (struct sasl){.conn = &scene->conn, .authd = &scene->authd, .service = "pop3", .prompt = "+ ", .bare_lf = true};
}

/* The client must have read exactly this, and authd must have been asked what it expected. */
static void scene_end(struct scene *scene, const char *client_read)
{
	char text[1000] = "";
	size_t len = 0;
	ssize_t count;
	int status;

	conn_flush(&scene->conn, NULL);
	conn_close(&scene->conn);
	while ((count = read(scene->client, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)count;
	close(scene->client);
	ipc_close(&scene->authd);
	assert_int_equal(waitpid(scene->child, &status, 0), scene->child);
	assert_string_equal(text, client_read);
	assert_int_equal(status, 0);
}

static enum sasl_result exchange(struct scene *scene, const char *initial)
{
	return sasl_exchange(&scene->sasl, STR("X"), initial != NULL ? str_of(initial) : (struct str){NULL, 0},
	                     &scene->grant, &scene->err);
}

static void test_initial_response_suffices(void **state)
{
	static const struct turn turns[] = {{"sasl-start", "foo", "ok", "success", NULL}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "");
	assert_int_equal(exchange(&scene, "Zm9v"), SASL_GRANTED);
	assert_string_equal(scene.grant.user, "fred");
	assert_int_equal(scene.grant.uid, 7);
	assert_string_equal(scene.grant.ticket, "t1");
	assert_string_equal(scene.grant.token, "");
	scene_end(&scene, "");
}

static void test_challenges(void **state)
{
	static const struct turn turns[] = {{"sasl-start", NULL, "ok", "continue", ""},
	                                    {"sasl-step", "foo", "ok", "continue", "bar"},
	                                    {"sasl-step", "", "ok", "success", NULL},
	                                    {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "Zm9v\r\n\r\n");
	assert_int_equal(exchange(&scene, NULL), SASL_GRANTED);
	scene_end(&scene, "+ \r\n+ YmFy\r\n");
}

static void test_empty_initial_response(void **state)
{
	static const struct turn turns[] = {{"sasl-start", "", "denied", NULL, NULL}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "");
	assert_int_equal(exchange(&scene, "="), SASL_DENIED);
	scene_end(&scene, "");
}

static void test_last_data_of_the_server(void **state)
{
	static const struct turn turns[] = {{"sasl-start", "foo", "ok", "success", "v=1"}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "\r\n");
	assert_int_equal(exchange(&scene, "Zm9v"), SASL_GRANTED);
	scene_end(&scene, "+ dj0x\r\n");
	/* The client does not accept them: no login. */
	scene_begin(&scene, turns, "*\r\n");
	assert_int_equal(exchange(&scene, "Zm9v"), SASL_CANCELLED);
	scene_end(&scene, "+ dj0x\r\n");
	scene_begin(&scene, turns, "Zm9v\r\n");
	assert_int_equal(exchange(&scene, "Zm9v"), SASL_MALFORMED);
	scene_end(&scene, "+ dj0x\r\n");
}

static void test_cancelled(void **state)
{
	static const struct turn turns[] = {
	    {"sasl-start", NULL, "ok", "continue", "bar"}, {"sasl-cancel", NULL, "ok", NULL, NULL}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "*\r\n");
	assert_int_equal(exchange(&scene, NULL), SASL_CANCELLED);
	scene_end(&scene, "+ YmFy\r\n");
}

static void test_not_base64(void **state)
{
	static const struct turn none[] = {{0}};
	static const struct turn turns[] = {
	    {"sasl-start", NULL, "ok", "continue", ""}, {"sasl-cancel", NULL, "ok", NULL, NULL}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, none, "");
	assert_int_equal(exchange(&scene, "!!!!"), SASL_MALFORMED);
	scene_end(&scene, "");
	scene_begin(&scene, turns, "Zm9\r\n");
	assert_int_equal(exchange(&scene, NULL), SASL_MALFORMED);
	scene_end(&scene, "+ \r\n");
}

static void test_client_leaves(void **state)
{
	static const struct turn turns[] = {{"sasl-start", NULL, "ok", "continue", ""}, {0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "");
	assert_int_equal(exchange(&scene, NULL), SASL_LOST);
	scene_end(&scene, "+ \r\n");
}

static void test_what_authd_says(void **state)
{
	static const struct {
		const char *status;
		enum sasl_result result;
	} cases[] = {
	    {"denied", SASL_DENIED},     {"temporary", SASL_TEMPORARY}, {"system", SASL_TEMPORARY},
	    {"not-found", SASL_UNKNOWN}, {"syntax", SASL_MALFORMED},    {"no such word", SASL_TEMPORARY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct turn turns[] = {{"sasl-start", "foo", cases[i].status, NULL, NULL}, {0}};
		struct scene scene;

		scene_begin(&scene, turns, "");
		assert_int_equal(exchange(&scene, "Zm9v"), cases[i].result);
		scene_end(&scene, "");
	}
}

static void test_authd_is_gone(void **state)
{
	static const struct turn turns[] = {{0}};
	struct scene scene;

	(void)state;
	scene_begin(&scene, turns, "");
	assert_int_equal(sasl_password(&scene.sasl, STR("a"), STR("b"), &scene.grant, &scene.err), SASL_TEMPORARY);
	assert_int_equal(sasl_password(&scene.sasl, STR("a"), STR("b"), &scene.grant, &scene.err), SASL_TEMPORARY);
	scene_end(&scene, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_initial_response_suffices),
	    cmocka_unit_test(test_challenges),
	    cmocka_unit_test(test_empty_initial_response),
	    cmocka_unit_test(test_last_data_of_the_server),
	    cmocka_unit_test(test_cancelled),
	    cmocka_unit_test(test_not_base64),
	    cmocka_unit_test(test_client_leaves),
	    cmocka_unit_test(test_what_authd_says),
	    cmocka_unit_test(test_authd_is_gone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
