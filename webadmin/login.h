/*
 * login: sessions, as authd keeps them, and their cookies.
 */
#ifndef POSTROOM_WEBADMIN_LOGIN_H
#define POSTROOM_WEBADMIN_LOGIN_H

#include "webadmin/http.h"

struct login_try {
	struct str user, password;
	bool remember; /* this browser, over the end of the session */
};

#define LOGIN_COOKIE   "postroom"          /* the session */
#define LOGIN_REMEMBER "postroom-remember" /* what begins one in a browser that is to be remembered */
#define LOGIN_PATH     "/login"

/*
 * Begin a session by a name and a password, or (resume) by what the browser remembers; its cookies go with the reply.
 * -1: ERR_DENIED, whatever the reason; other codes: it cannot be said now.
 */
int login_begin(struct web *web, const struct web_request *request, struct web_reply *reply,
                const struct login_try *attempt, struct web_visitor *visitor_out, struct err *err);
int login_resume(struct web *web, const struct web_request *request, struct web_reply *reply, struct str token,
                 struct web_visitor *visitor_out, struct err *err);

/* Who has that session? -1: ERR_DENIED: there is none (any more); other codes as above. */
int login_learn(struct web *web, struct str session, struct web_visitor *visitor_out, struct err *err);

/* Send somebody who has to log in to the login page, and from there to where he wanted to go. */
void login_send_there(const struct web_request *request, struct web_reply *reply);

#endif
