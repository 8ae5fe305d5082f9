#include "common/notice/notice.h"

#include <stddef.h>

const char *const notice_targets[] = {
    "Antivirus",
    "AntivirusUpdate",
    "ArchiveBackup",
    "Attachments",
    "Autoresponder",
    "AutoUpdate",
    "BadMailerDaemonMessage",
    "BadOutqueueFile",
    "DatabaseBackup",
    "DownloadRuleAskDefault",
    "DownloadRuleDelete",
    "Exceptions",
    "ExternalRouterError",
    "InvalidRecipient",
    "LanFwd",
    "ListServerBadMessageAlert",
    "MailboxQuota",
    "MailingList",
    "MailingListDefaultModerator",
    "MailingListDefaultOwner",
    "OffsiteBackupRestore",
    "OutqueueProcessError",
    "SendErrors",
    NULL,
};

const char *notice_component_word(enum notice_component component)
{
	static const char *const words[] = {
	    [NOTICE_MISC] = "misc",           [NOTICE_COLLECTOR] = "collector", [NOTICE_SENDER] = "sender",
	    [NOTICE_FILTERING] = "filtering", [NOTICE_ROUTING] = "routing",
	};

	return words[component];
}

const char *notice_kind_word(enum notice_kind kind)
{
	static const char *const words[] = {
	    [NOTICE_OTHER] = "other", [NOTICE_PROTOCOL] = "protocol", [NOTICE_TCPIP] = "tcpip"};

	return words[kind];
}

const char *notice_severity_word(enum notice_severity severity)
{
	static const char *const words[] = {
	    [NOTICE_INFORMATIONAL] = "informational",
	    [NOTICE_WARNING] = "warning",
	    [NOTICE_ERROR] = "error",
	    [NOTICE_FATAL] = "fatal",
	    [NOTICE_PANIC] = "panic",
	};

	return words[severity];
}
