#include "common/daemon/logs.h"

const char *const log_names[LOG_KINDS] = {
    [LOG_LUAERRORS] = "luaerrors", [LOG_SMTPRULES] = "smtprules", [LOG_SECURITY] = "security",
    [LOG_CONNECT] = "connect",     [LOG_SMTPSVR] = "smtpsvr",     [LOG_POP3SVR] = "pop3svr",
    [LOG_IMAP4SVR] = "imap4svr",   [LOG_POP3CLT] = "pop3clt",     [LOG_DLRULES] = "dlrules",
    [LOG_WEBSVR] = "websvr",       [LOG_EXTROUTER] = "extrouter", [LOG_SMTPCLT] = "smtpclt",
    [LOG_SUMMARY] = "summary",     [LOG_MAIL] = "mail",
};

const char *const log_week[7] = {"maillog.sun", "maillog.mon", "maillog.tue", "maillog.wed",
                                 "maillog.thu", "maillog.fri", "maillog.sat"};
