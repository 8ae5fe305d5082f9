/*
 * Unit tests of the rules of recipient resolution: a table of cases with the steps that each takes, and what holds for
 * any objects: their order does not matter, nothing goes round in circles.
 */
#include "t/unit/resolver/fixture.h"

#include "t/unit/resolver/cases.h"

enum { MAX_OBJECTS = 200, ROUNDS = 6, GRAPHS = 120, GRAPH_LISTS = 40 };

/* A letter for each sentence of an explanation, by a part of it; the first that fits. */
static const struct {
	const char *part;
	char letter;
} step_letters[] = {
    {" is a local domain", 'L'},
    {"is not a local domain", 'l'},
    {"the mapping ", 'M'},
    {"no mapping applies", 'm'},
    {"there is a user ", 'U'},
    {" list ", 0}, /* more than one: see below */
    {"there is a group ", 'G'},
    {"there is no user, list or group", 'n'},
    {"is the server itself", 'Q'},
    {"goes to the administrator", 'P'},
    {"default mappings are off", 'D'},
    {"is a list server", 'S'},
    {"address to learn from", 'Y'},
    {"strangers may not send faxes", 'f'},
    {"it is a fax number", 'F'},
    {"is an address elsewhere", 'E'},
    {"names the server that gets it", 'A'},
    {"it is elsewhere: it is sent out", 'O'},
    {"it is elsewhere: a collected", 'I'},
    {"it is elsewhere: nobody here", 'o'},
    {"is gone and is left out", 'g'},
    {"this address: it is sent out", 'W'},
    {"nobody here has this address", 'X'},
    {"sent to another server", 'R'},
    {"the collector sends all to a server", 'C'},
    {"leads to nobody", 'b'},
    {"accepted and discarded", 'd'},
    {"users of it are new targets", 'k'},
};

static const struct {
	const char *part;
	char letter;
} list_letters[] = {
    {"there is no user, list or group", 'n'},
    {"is not open to strangers", 'c'},
    {"is opened once", '1'},
    {"is nested too deep", 'T'},
    {"the members of the list", 'B'},
    {"there is a ", 'V'},
};

static char letter_of(struct str step)
{
	for (size_t i = 0; str_find(step, STR(" list ")) >= 0 && i < sizeof list_letters / sizeof *list_letters; i++)
		if (str_find(step, str_of(list_letters[i].part)) >= 0)
			return list_letters[i].letter;
	for (size_t i = 0; i < sizeof step_letters / sizeof *step_letters; i++)
		if (step_letters[i].letter != 0 && str_find(step, str_of(step_letters[i].part)) >= 0)
			return step_letters[i].letter;
	fail_msg("a step is not known: %.*s", STR_ARG(step));
	return '?';
}

/* The names of members: the rest of a line, each as SQL. */
static void add_members(struct buf *sql, const char *format, struct str list, struct str rest)
{
	while (str_trim(rest).len != 0) {
		struct str member = str_cut_word(&rest);

		buf_printf(sql, format, STR_ARG(list), STR_ARG(member));
	}
}

/* One line of a world's objects, as SQL. Numbers are given in the order of the lines. */
static void add_object(struct buf *sql, struct str line, int number)
{
	struct str rest = line, kind = str_cut_word(&rest), name = str_cut_word(&rest), value = rest;
	struct str second = str_cut_word(&rest);

	if (str_equal(kind, STR("domain")))
		buf_printf(sql, "INSERT INTO domain VALUES('%.*s', 0);", STR_ARG(name));
	else if (str_equal(kind, STR("user")) || str_equal(kind, STR("admin")))
		buf_printf(sql, "INSERT INTO user VALUES(%d, '%.*s', %d, 1);", number, STR_ARG(name),
		           str_equal(kind, STR("admin")));
	else if (str_equal(kind, STR("set")))
		buf_printf(sql, "INSERT INTO setting VALUES('%.*s', '%.*s');", STR_ARG(name), STR_ARG(str_trim(value)));
	else if (str_equal(kind, STR("group")))
		buf_printf(sql, "INSERT INTO user_group VALUES(%d, '%.*s');", number, STR_ARG(name));
	else if (str_equal(kind, STR("collector")))
		buf_printf(sql,
		           "INSERT OR IGNORE INTO collector VALUES(%.*s, 'isp%.*s', 0);"
		           "INSERT INTO collector_setting VALUES(%.*s, '%.*s', '%.*s');",
		           STR_ARG(name), STR_ARG(name), STR_ARG(name), STR_ARG(second), STR_ARG(str_trim(rest)));
	else if (str_equal(kind, STR("list")))
		buf_printf(sql, "INSERT INTO list VALUES(%d, '%.*s', '%.*s');", number, STR_ARG(name), STR_ARG(second));
	if (str_equal(kind, STR("map"))) {
		struct str type = str_cut_word(&rest), collector = str_cut_word(&rest);

		buf_printf(sql, "INSERT INTO mapping VALUES(%d, '%.*s', '%.*s', '%.*s', %.*s, '');", number, STR_ARG(name),
		           STR_ARG(second), STR_ARG(type.len != 0 ? type : STR("always")),
		           STR_ARG(collector.len != 0 ? collector : STR("0")));
	}
}

/* What names other objects comes after all of them. */
static void add_links(struct buf *sql, struct str line)
{
	struct str rest = line, kind = str_cut_word(&rest), name = str_cut_word(&rest), members = rest;

	str_cut_word(&rest);
	if (str_equal(kind, STR("hide")))
		buf_printf(sql, "INSERT INTO user_attribute SELECT uid, 'in-everyone', 'off' FROM user WHERE name = '%.*s';",
		           STR_ARG(name));
	else if (str_equal(kind, STR("public")))
		buf_printf(sql, "INSERT INTO list_setting SELECT id, 'public', 'on' FROM list WHERE name = '%.*s';",
		           STR_ARG(name));
	else if (str_equal(kind, STR("group")))
		add_members(sql,
		            "INSERT INTO membership SELECT id, uid FROM user_group, user"
		            " WHERE user_group.name = '%.*s' AND user.name = '%.*s';",
		            name, members);
	else if (str_equal(kind, STR("list")))
		add_members(sql,
		            "INSERT INTO list_member SELECT list.id, column2 FROM (VALUES('%.*s', '%.*s')) JOIN list ON name = "
		            "column1;",
		            name, rest);
}

/* The lines of a text; their number is returned. */
static size_t split(const char *text, struct str *lines, size_t max)
{
	struct str rest = str_of(text);
	size_t count = 0;

	while (rest.len != 0 && count < max)
		lines[count++] = str_cut(&rest, '\n');
	return count;
}

/* Always the same sequence. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void shuffle(struct str *lines, size_t count, uint64_t *seed)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)(next_random(seed) % i);
		struct str line = lines[i - 1];

		lines[i - 1] = lines[other];
		lines[other] = line;
	}
}

static void publish_lines(struct fixture *fixture, uint64_t generation, const struct str *lines, size_t count)
{
	struct buf sql;

	buf_init(&sql, 10000000);
	for (size_t i = 0; i < count; i++)
		add_object(&sql, lines[i], (int)i + 1);
	for (size_t i = 0; i < count; i++)
		add_links(&sql, lines[i]);
	assert_false(sql.overflow);
	fixture_publish(fixture, generation, buf_text(&sql));
	buf_free(&sql);
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
}

static void add_underscored(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(out, text.data[i] == ' ' ? '_' : text.data[i]);
}

static int compare_words(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* "local remote:x@y(mapping_a) user:anna(user)": targets sorted, blanks within them as "_". */
static struct str result_text(struct fixture *fixture)
{
	const struct resolution *resolution = &fixture->resolution;
	struct str *words = arena_get(&fixture->arena, (resolution->target_count + 1) * sizeof *words), text;
	struct buf out;

	buf_init(&out, 1000000);
	for (size_t i = 0; i < resolution->target_count; i++) {
		const struct resolve_target *target = &resolution->targets[i];

		buf_reset(&out);
		buf_printf(&out, "%s:", target_kind_word(target->kind));
		add_underscored(&out, target->text);
		buf_add_char(&out, '(');
		add_underscored(&out, target->cause);
		buf_add_char(&out, ')');
		words[i] = arena_copy(&fixture->arena, buf_str(&out));
	}
	qsort(words, resolution->target_count, sizeof *words, compare_words);
	buf_reset(&out);
	buf_printf(&out, "%s", resolve_kind_word(resolution->kind));
	for (size_t i = 0; i < resolution->target_count; i++)
		buf_printf(&out, " %.*s", STR_ARG(words[i]));
	text = arena_copy(&fixture->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static struct str steps_text(struct fixture *fixture)
{
	char *letters = arena_get(&fixture->arena, fixture->resolution.step_count + 1);

	for (size_t i = 0; i < fixture->resolution.step_count; i++)
		letters[i] = letter_of(fixture->resolution.steps[i]);
	return str_from(letters, fixture->resolution.step_count);
}

/* The words before the "=" of a case. */
static struct resolve_question read_question(struct fixture *fixture, struct str text)
{
	ptrdiff_t quote = text.data[0] == '"' ? str_find_last_char(text, '"') : -1;
	struct str rest = str_skip(text, quote > 0 ? (size_t)quote : 0), first = str_cut_word(&rest), word;
	struct str *domains = arena_get(&fixture->arena, 10 * sizeof *domains);
	struct resolve_question question = {.explain = true};

	question.address = str_from(text.data, (size_t)(first.data + first.len - text.data));
	if (str_equal(question.address, STR("-")))
		question.address = STR("");
	while ((word = str_cut_word(&rest)).len != 0) {
		if (str_equal(word, STR("local")))
			question.is_local = true;
		else if (str_equal(word, STR("list")))
			question.is_local = question.is_member = true;
		else if (str_equal(word, STR("pop3")))
			question.via = RESOLVE_POP3;
		else if (str_equal(word, STR("brief")))
			question.brief = true;
		else if (str_equal(word, STR("noimplied")))
			question.no_implied = true;
		else if (str_starts(word, STR("from:")))
			question.from = str_skip(word, 5);
		else if (str_starts(word, STR("collector:")))
			question.collector = word.data[10] - '0';
		else if (str_starts(word, STR("at:")))
			domains[question.domain_count++] = str_skip(word, 3);
	}
	question.domains = question.domain_count != 0 ? domains : NULL;
	return question;
}

/* Returns false, having said so, where a case is not as it should be. */
static bool check_case(struct fixture *fixture, const struct world *world, struct str line, bool with_steps)
{
	ptrdiff_t equals = str_find(line, STR(" = ")), slash = str_find(line, STR(" /"));
	struct str expected = str_sub(line, (size_t)equals + 3, (size_t)(slash - equals) - 3);
	struct str steps = str_trim(str_skip(line, (size_t)slash + 2)), result = STR("error"), taken = STR("");
	struct resolve_question question = read_question(fixture, str_sub(line, 0, (size_t)equals));

	if (resolve_address(&fixture->resolver, &question, &fixture->arena, &fixture->resolution, &fixture->err) == 0) {
		result = result_text(fixture);
		taken = steps_text(fixture);
	}
	if (str_equal(result, expected) && (!with_steps || str_equal(steps, STR("*")) || str_equal(taken, steps)))
		return true;
	print_message("# %s: %.*s\n#   but it is %.*s / %.*s\n", world->name, STR_ARG(line), STR_ARG(result),
	              STR_ARG(taken));
	return false;
}

static size_t check_world(struct fixture *fixture, const struct world *world, bool with_steps, size_t *cases)
{
	size_t wrong = 0;

	for (struct str rest = str_of(world->cases); rest.len != 0;) {
		wrong += !check_case(fixture, world, str_cut(&rest, '\n'), with_steps);
		++*cases;
		arena_reset(&fixture->arena);
	}
	return wrong;
}

static void each_case_takes_its_steps(void **state)
{
	struct fixture *fixture = *state;
	struct str lines[MAX_OBJECTS];
	size_t wrong = 0, cases = 0;

	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
		size_t count = split(worlds[i].objects, lines, MAX_OBJECTS);

		publish_lines(fixture, i + 2, lines, count);
		wrong += check_world(fixture, &worlds[i], true, &cases);
	}
	assert_int_equal(wrong, 0);
	assert_true(cases >= 200);
}

/* The order of targets' and members' names decides on the steps, so with another order of objects they stay, too. */
static void the_order_of_objects_does_not_matter(void **state)
{
	struct fixture *fixture = *state;
	struct str lines[MAX_OBJECTS];
	uint64_t generation = 2, seed = 1;
	size_t wrong = 0, cases = 0;

	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
		size_t count = split(worlds[i].objects, lines, MAX_OBJECTS);

		for (int round = 0; round < ROUNDS; round++) {
			shuffle(lines, count, &seed);
			publish_lines(fixture, generation++, lines, count);
			wrong += check_world(fixture, &worlds[i], false, &cases);
		}
	}
	assert_int_equal(wrong, 0);
}

/* Lists l0 ... with users u0 ... and one another as members, at random. */
struct graph {
	size_t lists;
	bool links[GRAPH_LISTS][GRAPH_LISTS];
	bool users[GRAPH_LISTS][GRAPH_LISTS];
};

static size_t make_graph(struct graph *graph, uint64_t *seed, struct arena *arena, struct str *lines)
{
	size_t count = 0, density = 1 + next_random(seed) % 4;

	*graph = (struct graph){.lists = 1 + next_random(seed) % GRAPH_LISTS};
	lines[count++] = STR("domain example.test");
	lines[count++] = STR("admin boss");
	for (size_t i = 0; i < graph->lists; i++) {
		struct str line = arena_printf(arena, "list l%zu distribution", i);

		for (size_t edge = 0; edge < density; edge++) {
			/* one long chain, and some at random */
			size_t to = edge == 0 && i + 1 < graph->lists ? i + 1 : next_random(seed) % graph->lists;
			size_t user = next_random(seed) % graph->lists;

			if (!graph->links[i][to])
				line = arena_printf(arena, "%.*s l%zu", STR_ARG(line), to);
			graph->links[i][to] = true;
			if (!graph->users[i][user])
				line = arena_printf(arena, "%.*s u%zu", STR_ARG(line), user);
			graph->users[i][user] = true;
		}
		lines[count++] = line;
		lines[count++] = arena_printf(arena, "user u%zu", i);
	}
	return count;
}

/* By the plainest means: who is reached from a list, and how many levels that takes at the least. */
static size_t reach(const struct graph *graph, size_t from, bool reached[GRAPH_LISTS])
{
	size_t levels[GRAPH_LISTS] = {0}, deepest = 1;

	levels[from] = 1;
	for (size_t level = 1; level <= graph->lists; level++)
		for (size_t i = 0; i < graph->lists; i++)
			for (size_t to = 0; levels[i] == level && to < graph->lists; to++)
				if (graph->links[i][to] && levels[to] == 0)
					deepest = levels[to] = level + 1;
	for (size_t i = 0; i < graph->lists; i++)
		for (size_t user = 0; levels[i] != 0 && user < graph->lists; user++)
			reached[user] |= graph->users[i][user];
	return deepest;
}

static void check_graph(struct fixture *fixture, const struct graph *graph, size_t list)
{
	char address[40];
	const struct resolve_question question = {.address = {address, 0}, .is_local = true};
	struct resolve_question asked = question;
	bool reached[GRAPH_LISTS] = {false};
	size_t deepest = reach(graph, list, reached), expected = 0;

	asked.address.len = (size_t)snprintf(address, sizeof address, "l%zu@example.test", list);
	for (size_t user = 0; user < graph->lists; user++)
		expected += reached[user];
	assert_int_equal(resolve_address(&fixture->resolver, &asked, &fixture->arena, &fixture->resolution, &fixture->err),
	                 0);
	if (deepest > RESOLVE_LEVELS_MAX) {
		assert_int_equal(fixture->resolution.kind, RESOLVE_FAILED);
		assert_int_equal(fixture->resolution.target_count, 0);
		return;
	}
	assert_int_equal(fixture->resolution.kind, RESOLVE_LOCAL);
	assert_int_equal(fixture->resolution.target_count, expected);
	for (size_t i = 0; i < expected; i++) {
		uint64_t user;

		assert_int_equal(fixture->resolution.targets[i].kind, TARGET_USER);
		assert_true(str_to_u64(str_skip(fixture->resolution.targets[i].text, 1), GRAPH_LISTS, &user));
		assert_true(reached[user]);
		reached[user] = false; /* each once */
	}
}

static void lists_never_go_round_in_circles(void **state)
{
	struct fixture *fixture = *state;
	struct str lines[2 * GRAPH_LISTS + 2];
	struct arena arena;
	struct graph graph;
	uint64_t seed = 7;

	arena_init(&arena);
	for (uint64_t round = 0; round < GRAPHS; round++) {
		size_t count = make_graph(&graph, &seed, &arena, lines);

		shuffle(lines, count, &seed);
		publish_lines(fixture, round + 2, lines, count);
		for (size_t list = 0; list < graph.lists; list++)
			check_graph(fixture, &graph, list);
		arena_reset(&fixture->arena);
		arena_reset(&arena);
	}
	arena_free(&arena);
}

/* A list of many members, each once; and one too many. */
static void many_members_are_limited(void **state)
{
	static const struct resolve_question question = {.address = {"big@example.test", 16}, .is_local = true};
	static const char start[] =
	    "INSERT INTO domain VALUES('example.test', 1); INSERT INTO user VALUES(1, 'boss', 1, 1);"
	    "INSERT INTO list VALUES(1, 'big', 'distribution');"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO list_member SELECT 1, 'm' || i || '@far.test' FROM n;";
	struct fixture *fixture = *state;
	char sql[sizeof start + 20];

	snprintf(sql, sizeof sql, start, 10000);
	fixture_publish(fixture, 2, sql);
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	assert_int_equal(
	    resolve_address(&fixture->resolver, &question, &fixture->arena, &fixture->resolution, &fixture->err), 0);
	assert_int_equal(fixture->resolution.target_count, 10000);
	snprintf(sql, sizeof sql, start, RESOLVE_TARGETS_MAX + 1);
	fixture_publish(fixture, 3, sql);
	assert_int_equal(resolver_refresh(&fixture->resolver, &fixture->err), 0);
	assert_int_equal(
	    resolve_address(&fixture->resolver, &question, &fixture->arena, &fixture->resolution, &fixture->err), -1);
	assert_int_equal(fixture->err.code, ERR_LIMIT);
}

static int set_up(void **state)
{
	*state = fixture_begin("");
	return 0;
}

static int tear_down(void **state)
{
	fixture_end(*state);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_case_takes_its_steps),
	    TEST(the_order_of_objects_does_not_matter),
	    TEST(lists_never_go_round_in_circles),
	    TEST(many_members_are_limited),
	};

	/* what is nested too deep is logged, hundreds of times here */
	assert_non_null(freopen("/dev/null", "w", stderr));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
