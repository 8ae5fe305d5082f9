/* Unit tests of what a search looks into, of words, and of the index: it finds what looking into each message finds. */
#include "fixture.h"

#include "common/base/fold.h"
#include "common/base/memory.h"
#include "common/store/mailbox.h"
#include "common/store/search.h"
#include "common/store/search_words.h"

#include <signal.h>
#include <sys/wait.h>

static struct arena arena;

static struct str fold(const char *text)
{
	return fold_text(str_of(text), &arena);
}

static void case_is_folded(void **state)
{
	(void)state;
	/* CaseFolding.txt, status C and S */
	assert_string_equal(fold("StraSSe \xc3\x84\xc3\x96\xc3\x9f").data, "strasse \xc3\xa4\xc3\xb6\xc3\x9f");
	assert_string_equal(fold("\xce\xa3\xcf\x82").data, "\xcf\x83\xcf\x83");                 /* both sigmas */
	assert_string_equal(fold("\xd0\x9f\xd1\x80\xd0\x98").data, "\xd0\xbf\xd1\x80\xd0\xb8"); /* Cyrillic */
	assert_string_equal(fold("\xe2\x84\xaa").data, "k");                                    /* the Kelvin sign */
	assert_string_equal(fold("\xc8\xba").data, "\xe2\xb1\xa5");                             /* becomes longer */
	assert_string_equal(fold("\xf0\x90\x90\x80").data, "\xf0\x90\x90\xa8");                 /* Deseret */
	assert_string_equal(fold("\xe6\x97\xa5\xe6\x9c\xac").data, "\xe6\x97\xa5\xe6\x9c\xac");
	assert_string_equal(fold("\xff"
	                         "A")
	                        .data,
	                    "\xff"
	                    "a");
}

static char pieces[1024];

static void note_piece(struct search_words *words, struct str piece)
{
	(void)words;
	strncat(pieces, piece.data, piece.len);
	strcat(pieces, "|");
}

static const char *split(const char *text, size_t step)
{
	struct search_words words;
	struct str rest = str_of(text);

	pieces[0] = '\0';
	search_words_begin(&words, note_piece);
	for (; rest.len > 0; rest = str_skip(rest, step))
		search_words_add(&words, str_sub(rest, 0, step));
	search_words_end(&words);
	return pieces;
}

static void words_are_split(void **state)
{
	(void)state;
	for (size_t step = 1; step < 4; step++) {
		assert_string_equal(split("bob@example.com, <x-y_z>; a..b -c- d. end.", step),
		                    "bob@example.com|x-y_z|a|b|c|d|end|");
		/* 45 characters: 1 to 40, and from 21 on */
		assert_string_equal(split("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee", step),
		                    "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd|ccccccccccddddddddddeeeee|");
		assert_string_equal(split("aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd x", step),
		                    "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd|x|");
	}
	assert_string_equal(split("gr\xc3\xbc\xc3\x9f gott\xe3\x80\x82\xe6\x97\xa5", 64),
	                    "gr\xc3\xbc\xc3\x9f|gott|\xe6\x97\xa5|");
}

static void needles_have_needs(void **state)
{
	struct search_need needs[SEARCH_NEEDS_MAX];
	bool is_exact;

	(void)state;
	assert_int_equal(search_needs(STR("example.com"), needs, &is_exact), 1);
	assert_true(is_exact && !needs[0].at_start && !needs[0].at_end);
	/* The point may join in a text. */
	assert_int_equal(search_needs(STR("foo."), needs, &is_exact), 1);
	assert_true(!is_exact && !needs[0].at_end && str_equal(needs[0].text, STR("foo")));
	assert_int_equal(search_needs(STR("ab foo. -cd"), needs, &is_exact), 3);
	assert_true(!is_exact && !needs[0].at_start && needs[0].at_end && needs[1].at_start && needs[1].at_end);
	assert_true(needs[2].at_start && !needs[2].at_end);
	assert_int_equal(search_needs(STR("-foo"), needs, &is_exact), 1);
	assert_true(!needs[0].at_start);
	assert_int_equal(search_needs(STR("!?"), needs, &is_exact), 0);
	assert_int_equal(search_needs(STR("abcdefghijklmnopqrstuvwxyz"), needs, &is_exact), 2);
	assert_true(!is_exact && needs[0].text.len == 20 && needs[1].text.len == 6);
}

static const char *const messages[] = {
    "From: Bob Miller <bob@example.com>\r\nTo: anna@example.org\r\nSubject: Weekly meeting. Minutes\r\n\r\n"
    "The meetings are on Monday.\r\nfoo.bar x.y\r\n",
    "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@sub.example.com>\r\nTo: a@x, bob@example.com\r\n"
    "Cc: team@example.com\r\nSubject: =?iso-8859-1?q?Gr=FC=DFe?= aus\r\n =?iso-8859-1?q?K=F6ln?=\r\n"
    "X-Long: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n"
    /* <p>Hello <b>w&ouml;rld</b> meet-up</p> */
    "PHA+SGVsbG8gPGI+dyZvdW1sO3JsZDwvYj4gbWVldC11cDwvcD4=\r\n",
    "From: c@d\r\nSubject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    "X-Part: partfield\r\n\r\nna=EFve caf=\r\n=E9 meeting\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"
    "binarysecret\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner subject\r\n\r\ninner text\r\n--b--\r\n",
    "Subject:\r\nX-Empty:\r\n\r\n",
};
enum { MESSAGES = sizeof messages / sizeof messages[0] };

/* Messages 1 to 4 (a bit each) in which looking finds the needle. */
static unsigned look(enum search_field field, const char *name, struct str needle)
{
	unsigned found = 0;

	for (size_t i = 0; i < MESSAGES; i++) {
		struct search_text text;
		bool has;

		assert_int_equal(search_text_open(&text, mime_source_memory(str_of(messages[i])), &arena, &err), 0);
		if (name != NULL)
			has = search_text_field(&text, str_of(name), needle);
		else
			has = search_text_find(&text, needle, field == SEARCH_HEADER, &err) == 1;
		found |= (unsigned)has << i;
	}
	return found;
}

static void texts_are_searched(void **state)
{
	(void)state;
	assert_int_equal(look(0, "from", fold("BOB@")), 1);
	assert_int_equal(look(0, "From", fold("M\xc3\x9cLLER <")), 2);
	assert_int_equal(look(0, "Subject",
	                      fold("gr\xc3\xbc\xc3\x9f"
	                           "e aus k\xc3\xb6ln")),
	                 2); /* unfolded */
	assert_int_equal(look(0, "X-Empty", STR("")), 8);
	assert_int_equal(look(0, "X-Empty", STR("a")), 0);
	assert_int_equal(look(0, "Subject", STR("inner")), 0);
	assert_int_equal(look(SEARCH_BODY, NULL, fold("Meeting")), 1 | 4);
	assert_int_equal(look(SEARCH_BODY, NULL, fold("hello w\xc3\xb6rld meet")), 2); /* HTML as plain text */
	assert_int_equal(look(SEARCH_BODY, NULL, fold("<b>w")), 2);                    /* and as it is */
	assert_int_equal(look(SEARCH_BODY, NULL, fold("NA\xc3\x8fVE CAF\xc3\x89")), 4);
	assert_int_equal(look(SEARCH_BODY, NULL, fold("inner subject")), 4);
	assert_int_equal(look(SEARCH_BODY, NULL, fold("partfield")), 0);
	assert_int_equal(look(SEARCH_HEADER, NULL, fold("x-part: partfield")), 4);
	assert_int_equal(look(SEARCH_HEADER, NULL, fold("binarysecret")), 0);
	assert_int_equal(look(SEARCH_HEADER, NULL, fold("monday")), 1);
	assert_int_equal(look(SEARCH_BODY, NULL, fold("monday.\r\nfoo")), 1);
	assert_int_equal(look(SEARCH_HEADER, NULL, STR("")), 15);
}

static void fill(struct mailbox *mailbox)
{
	for (size_t i = 0; i < MESSAGES; i++)
		assert_int_equal(add(mailbox, messages[i], "", NULL), STORE_ADDED);
}

/* What the index says; looked into where it is not exact. */
static unsigned ask(struct search_index *index, enum search_field field, const char *name, struct str needle)
{
	uint32_t uids[MESSAGES] = {1, 2, 3, 4};
	uint8_t marks[MESSAGES] = {0};
	struct search_query query = {STORE_INBOX, uids, MESSAGES, field, needle};
	unsigned found = 0;
	bool is_exact;
	int result = search_index_find(index, &query, marks, &is_exact, &err);

	assert_true(result >= 0);
	if (result == 1) /* too short */
		return look(field, name, needle);
	for (size_t i = 0; i < MESSAGES; i++)
		found |= (unsigned)(marks[i] != SEARCH_ABSENT) << i;
	if (is_exact)
		return found;
	assert_int_equal(look(field, name, needle) & ~found, 0);
	return look(field, name, needle);
}

/* Each run of characters in a text, up to a length, is searched for both ways. */
static void compare_all(struct search_index *index, struct str text)
{
	for (size_t at = 0; at < text.len; at++)
		for (size_t len = 1; len <= 24 && at + len <= text.len; len++) {
			struct str needle = str_sub(text, at, len);

			if (!str_is_utf8(needle))
				continue;
			assert_int_equal(ask(index, SEARCH_BODY, NULL, needle), look(SEARCH_BODY, NULL, needle));
			assert_int_equal(ask(index, SEARCH_SUBJECT, "Subject", needle), look(0, "Subject", needle));
			assert_int_equal(ask(index, SEARCH_FROM, "From", needle), look(0, "From", needle));
			if (len % 8 == 0)
				arena_reset(&arena);
		}
}

static void index_finds_the_same(void **state)
{
	struct mailbox *mailbox = open_mailbox(1);
	struct search_index *index;
	struct search_work work;

	(void)state;
	fill(mailbox);
	assert_int_equal(search_index_open(&index, mailbox, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(search_work_collect(&work, mailbox, &err), 0);
	assert_int_equal(search_update(&work, NULL, NULL, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), 0);
	assert_int_equal(search_index_covered(index, STORE_INBOX, work.folders[0].uidvalidity), MESSAGES + 1);
	assert_int_equal(search_index_covered(index, STORE_INBOX, work.folders[0].uidvalidity + 1), 0);
	compare_all(index, STR("the meetings are on monday.\r\nfoo.bar x.y bob@example.com, weekly meeting. minutes"));
	compare_all(index, STR("hello w\xc3\xb6rld meet-up <b>w&ouml;rld aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"));
	compare_all(index, STR("j\xc3\xbcrgen m\xc3\xbcller <jm@sub.example.com> gr\xc3\xbc\xc3\x9f"
	                       "e aus k\xc3\xb6ln"));
	search_index_close(index);
	search_work_free(&work);
	mailbox_close(mailbox);
}

static bool stop_at_second(int64_t done, int64_t all, void *context)
{
	(void)all, (void)context;
	return done < 2;
}

static void updates_go_on(void **state)
{
	struct mailbox *mailbox = open_mailbox(2);
	struct search_index *index;
	struct search_work work;

	(void)state;
	fill(mailbox);
	assert_int_equal(search_work_collect(&work, mailbox, &err), 0);
	assert_int_equal(search_update(&work, stop_at_second, NULL, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), 0);
	assert_int_equal(search_index_covered(index, STORE_INBOX, work.folders[0].uidvalidity), 3);
	assert_int_equal(search_update(&work, NULL, NULL, &err), 0);
	assert_int_equal(search_index_covered(index, STORE_INBOX, work.folders[0].uidvalidity), 5);
	assert_int_equal(ask(index, SEARCH_BODY, NULL, STR("meeting")), 1 | 4);
	search_index_close(index);
	search_work_free(&work);
	mailbox_close(mailbox);
}

static void damage_is_mended(void **state)
{
	struct mailbox *mailbox = open_mailbox(3);
	struct search_index *index;
	struct search_work work;
	char path[STORE_PATH_MAX + 32], junk[8192];
	int fd;

	(void)state;
	fill(mailbox);
	assert_int_equal(search_rebuild(mailbox, NULL, NULL, &err), 0);
	assert_int_equal(search_work_collect(&work, mailbox, &err), 0);
	snprintf(path, sizeof path, "%s/search.db", work.path);
	memset(junk, 'x', sizeof junk);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, junk, sizeof junk), sizeof junk);
	close(fd);
	snprintf(path, sizeof path, "%s/search.db-wal", work.path);
	unlink(path);
	assert_int_equal(search_index_open(&index, mailbox, &err), -1);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(search_update(&work, NULL, NULL, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), 0);
	assert_int_equal(ask(index, SEARCH_BODY, NULL, STR("meeting")), 1 | 4);
	search_index_close(index);
	search_work_free(&work);
	mailbox_close(mailbox);
}

enum { MANY = 1200, ROUNDS = 12 };

/* Killed at any moment, the next one goes on, and finds what looking finds. */
/* Its writer makes the file first, then what is in it. */
static void begun_is_not_there_yet(void **state)
{
	struct mailbox *mailbox = open_mailbox(6);
	struct search_index *index;
	struct search_work work;
	char path[STORE_PATH_MAX + 32];
	struct db db;

	(void)state;
	fill(mailbox);
	assert_int_equal(search_work_collect(&work, mailbox, &err), 0);
	snprintf(path, sizeof path, "%s/search.db", work.path);
	assert_int_equal(db_open(&db, path, DB_CREATE | DB_NO_CHECKPOINT, 1000, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	db_close(&db);
	assert_int_equal(search_update(&work, NULL, NULL, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), 0);
	search_index_close(index);
	search_work_free(&work);
	mailbox_close(mailbox);
}

static void kills_do_no_harm(void **state)
{
	struct mailbox *mailbox = open_mailbox(4);
	struct search_index *index;
	struct search_work work;
	uint32_t uids[MANY];
	uint8_t marks[MANY] = {0};
	struct search_query query = {STORE_INBOX, uids, MANY, SEARCH_BODY, STR("needle")};
	bool is_exact;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		char text[128];

		snprintf(text, sizeof text, "Subject: %u\r\n\r\nword%u and %s\r\n", i, i * 7, i % 3 == 0 ? "needles" : "hay");
		assert_int_equal(add(mailbox, text, "", &uids[i]), STORE_ADDED);
	}
	assert_int_equal(search_work_collect(&work, mailbox, &err), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		pid_t child = fork();

		if (child == 0)
			_exit(search_update(&work, NULL, NULL, &err) == 0 ? 0 : 1);
		usleep(round * 7919 % 40000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	assert_int_equal(search_update(&work, NULL, NULL, &err), 0);
	assert_int_equal(search_index_open(&index, mailbox, &err), 0);
	assert_int_equal(search_index_covered(index, STORE_INBOX, work.folders[0].uidvalidity), uids[MANY - 1] + 1);
	assert_int_equal(search_index_find(index, &query, marks, &is_exact, &err), 0);
	assert_true(is_exact);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(marks[i], i % 3 == 0 ? SEARCH_HIT : SEARCH_ABSENT);
	search_index_close(index);
	search_work_free(&work);
	mailbox_close(mailbox);
}

/* A copy has its UID before its file is there: what there is to index is not looked at in between. */
static void copies_are_waited_for(void **state)
{
	struct mailbox *mailbox, *other;
	struct search_work work;

	make_store(state);
	mailbox = open_mailbox(7);
	other = open_mailbox(7);
	assert_int_equal(mailbox_lock(mailbox, 0, &err), 0);
	assert_int_equal(search_work_collect(&work, other, &err), -1);
	assert_int_equal(err.code, STORE_BUSY);
	mailbox_unlock(mailbox);
	assert_int_equal(search_work_collect(&work, other, &err), 0);
	assert_int_equal(work.count, 1);
	search_work_free(&work);
	mailbox_close(mailbox);
	mailbox_close(other);
	remove_store(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(case_is_folded),       cmocka_unit_test(words_are_split),
	    cmocka_unit_test(needles_have_needs),   cmocka_unit_test(texts_are_searched),
	    cmocka_unit_test(index_finds_the_same), cmocka_unit_test(updates_go_on),
	    cmocka_unit_test(damage_is_mended),     cmocka_unit_test(begun_is_not_there_yet),
	    cmocka_unit_test(kills_do_no_harm),     cmocka_unit_test(copies_are_waited_for),
	};

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("search", tests, make_store, remove_store);
}
