#include "webadmin/login_page.h"

#include "common/base/io.h"
#include "common/settings/logo.h"
#include "webadmin/exchange.h"
#include "webadmin/login.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LANGUAGE_FILE_MAX = 256 * 1024,
	PAGE_MAX = 64 * 1024,
	LANGUAGES_MAX = 8, /* of a browser's wishes that are looked at */
	TARGET_MAX = 500,
};

#define AFTER_LOGIN "welcome=1" /* the query of a page to which a login leads: the cookie has to be there by then */

enum word {
	TITLE,
	ADMIN_LOGIN,
	MAIL_LOGIN,
	ENTER_NAME,
	PASSWORD,
	REMEMBER,
	REMEMBER_HELP,
	LOG_ON,
	FORGOTTEN,
	FAILED,
	NOT_NOW,
	NEED_SCRIPT,
	NEED_COOKIES,
	WORDS,
};

static const struct {
	const char *key, *english;
} vocabulary[WORDS] = {
    [TITLE] = {"logintitle", "Log on"},
    [ADMIN_LOGIN] = {"webadminlogin", "web admin login"},
    [MAIL_LOGIN] = {"webmaillogin", "web mail login"},
    [ENTER_NAME] = {"enterusername", "Username"},
    [PASSWORD] = {"password", "Password"},
    [REMEMBER] = {"remember", "Remember me next time I connect"},
    [REMEMBER_HELP] = {"remember.help", "Not recommended on shared computers"},
    [LOG_ON] = {"logon", "Log on"},
    [FORGOTTEN] = {"forgotten", "Forgotten Password"},
    [FAILED] = {"invalidlogin", "The username or the password is wrong"},
    [NOT_NOW] = {"loginfailed", "Logging on is not possible at the moment"},
    [NEED_SCRIPT] = {"needscript", "JavaScript is needed for these pages; please allow it for this server"},
    [NEED_COOKIES] = {"needcookies", "Cookies are required; please allow them for this server and log on again"},
};

struct words {
	const char *language;
	struct str texts[WORDS];
};

static void take_line(struct words *words, struct str line)
{
	struct str key = str_trim(str_cut(&line, '='));

	if (line.data == NULL || key.len == 0 || key.data[0] == '#')
		return;
	for (int i = 0; i < WORDS; i++)
		if (str_equal(key, str_of(vocabulary[i].key)))
			words->texts[i] = str_trim(line);
}

/* The file of a language, two letters; false: there is none. */
static bool read_language(const struct web *web, struct str language, struct arena *arena, struct words *words)
{
	char name[16];
	struct stat info;
	struct str text;
	char *data;
	ssize_t size;
	int fd;

	if (language.len != 2 || language.data[0] < 'a' || language.data[0] > 'z' || language.data[1] < 'a' ||
	    language.data[1] > 'z')
		return false;
	snprintf(name, sizeof name, "lng/%.*s.lng", STR_ARG(language));
	fd = web->pages >= 0 ? openat(web->pages, name, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	size = fstat(fd, &info) == 0 && info.st_size <= LANGUAGE_FILE_MAX ? (ssize_t)info.st_size : 0;
	data = arena_get(arena, (size_t)size + 1);
	size = pread(fd, data, (size_t)size, 0);
	close(fd);
	text = str_from(data, size > 0 ? (size_t)size : 0);
	words->language = arena_text(arena, language);
	while (text.data != NULL)
		take_line(words, str_cut(&text, '\n'));
	return true;
}

static void find_words(const struct web *web, const struct web_request *request, struct words *words)
{
	struct str wishes = web_header(request, "Accept-Language");

	words->language = "en";
	for (int i = 0; i < WORDS; i++)
		words->texts[i] = str_of(vocabulary[i].english);
	for (int i = 0; i < LANGUAGES_MAX && wishes.data != NULL; i++) {
		struct str wish = str_trim(str_cut(&wishes, ','));

		if (read_language(web, str_sub(wish, 0, 2), request->arena, words))
			return;
	}
	read_language(web, STR("en"), request->arena, words);
}

/* Where to go after the login: a path of this server, and nothing that a browser takes for another one's. */
static struct str target_of(struct str wanted)
{
	if (wanted.data == NULL || wanted.len > TARGET_MAX || !str_starts(wanted, STR("/")) ||
	    str_starts(wanted, STR("//")) || str_find_char(wanted, '\\') >= 0)
		return STR("/mail/index.html");
	for (size_t i = 0; i < wanted.len; i++)
		if ((unsigned char)wanted.data[i] <= 0x20 || (unsigned char)wanted.data[i] >= 0x7f)
			return STR("/mail/index.html");
	return wanted;
}

/* The page up to the form, and the form. It looks as the other pages do, with their styles. */
static const char head_format[] =
    "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%.*s</title>\n"
    "<link rel=\"icon\" href=\"/img/icon.svg\" type=\"image/svg+xml\">\n"
    "<link rel=\"stylesheet\" href=\"/style/base.css\">\n<link rel=\"stylesheet\" href=\"/style/parts.css\">\n"
    "<link rel=\"stylesheet\" href=\"/style/shell.css\">\n<script src=\"/lib/theme.js\"></script>\n</head>\n"
    "<body>\n<main class=\"login\">\n%s<span class=\"brand\">%s</span>\n<div class=\"card stack\">\n<h1>%.*s</h1>\n"
    "<noscript><div class=\"notice warn\"><div>%.*s</div></div></noscript>\n";
static const char logo_tag[] = "<img class=\"logo of-login\" src=\"/logo/login\" alt=\"\">\n";
static const char notice_format[] = "<div class=\"notice bad\" role=\"alert\"><div>%.*s</div></div>\n";
static const char form_format[] =
    "<form class=\"form\" method=\"post\" action=\"" LOGIN_PATH "\">\n"
    "<input type=\"hidden\" name=\"to\" value=\"%.*s\">\n"
    "<div class=\"field\"><label class=\"label\" for=\"username\">%.*s</label>"
    "<input class=\"input\" id=\"username\" name=\"username\" autocomplete=\"username\" autocapitalize=\"none\" "
    "autofocus required></div>\n"
    "<div class=\"field\"><label class=\"label\" for=\"password\">%.*s</label>"
    "<input class=\"input\" id=\"password\" type=\"password\" name=\"password\" autocomplete=\"current-password\" "
    "required></div>\n"
    "<div class=\"field inline\"><input id=\"remember\" type=\"checkbox\" name=\"remember\" value=\"1\" "
    "aria-describedby=\"remember-help\"><label for=\"remember\">%.*s</label></div>\n"
    "<p class=\"muted\" id=\"remember-help\">%.*s</p>\n"
    "<button class=\"button main\" type=\"submit\">%.*s</button>\n</form>\n"
    "<p><a href=\"/forgotten.html\">%.*s</a></p>\n</div>\n</main>\n</body>\n</html>\n";

/* message: a word, or -1. */
static void show(struct web *web, const struct web_request *request, struct web_reply *reply, int status,
                 struct str target, int message)
{
	bool anonymise = settings_flag(web->settings, SETTING_ANONYMISE);
	enum word title = str_starts(target, STR("/admin/")) ? ADMIN_LOGIN : MAIL_LOGIN;
	char path[INSTANCE_PATH_MAX + 128];
	struct words words;
	struct buf page;

	find_words(web, request, &words);
	buf_init(&page, PAGE_MAX);
	buf_printf(&page, head_format, words.language, STR_ARG(words.texts[TITLE]),
	           access(logo_path(web->instance, "login", path, sizeof path), R_OK) == 0 ? logo_tag : "",
	           anonymise ? "" : "Postroom " POSTROOM_VERSION, STR_ARG(words.texts[title]),
	           STR_ARG(words.texts[NEED_SCRIPT]));
	if (message >= 0)
		buf_printf(&page, notice_format, STR_ARG(words.texts[message]));
	buf_printf(&page, form_format, STR_ARG(web_escape(request->arena, target)), STR_ARG(words.texts[ENTER_NAME]),
	           STR_ARG(words.texts[PASSWORD]), STR_ARG(words.texts[REMEMBER]), STR_ARG(words.texts[REMEMBER_HELP]),
	           STR_ARG(words.texts[LOG_ON]), STR_ARG(words.texts[FORGOTTEN]));
	web_reply_text(reply, status, "text/html; charset=utf-8", buf_str(&page));
	buf_free(&page);
}

void login_page_get(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	bool no_cookie = web_query(request, "cookies").data != NULL;

	show(web, request, reply, 200, target_of(web_query(request, "to")), no_cookie ? NEED_COOKIES : -1);
}

void login_page_post(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct str target = target_of(web_form(request, "to"));
	const struct login_try attempt = {
	    .user = web_form(request, "username"),
	    .password = web_form(request, "password"),
	    .remember = web_form(request, "remember").len > 0,
	};
	struct web_visitor visitor;
	struct err err = {.code = ERR_DENIED};

	if (attempt.user.data != NULL && attempt.password.data != NULL &&
	    login_begin(web, request, reply, &attempt, &visitor, &err) == 0)
		web_reply_redirect(reply, arena_printf(request->arena, "%.*s%c" AFTER_LOGIN, STR_ARG(target),
		                                       str_find_char(target, '?') >= 0 ? '&' : '?'));
	else if (err.code == ERR_DENIED)
		show(web, request, reply, 403, target, FAILED);
	else
		show(web, request, reply, 503, target, NOT_NOW);
}

void login_send_there(const struct web_request *request, struct web_reply *reply)
{
	/* who has just logged in and brings no cookie back would come here for ever */
	bool no_cookie = web_query(request, "welcome").data != NULL;

	/* the path as it came, encoded: it holds nothing that would mean something else in a query but '&', '+' and '=' */
	web_reply_redirect(reply, arena_printf(request->arena, LOGIN_PATH "?%sto=%.*s", no_cookie ? "cookies=0&" : "",
	                                       STR_ARG(str_sub(request->path, 0, TARGET_MAX))));
}
