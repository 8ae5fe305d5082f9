#include "common/pop3/capa.h"

void pop3_write_capabilities(struct conn *conn, const struct pop3_capabilities *capabilities)
{
	conn_write(conn, STR("+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	                     "EXPIRE NEVER\r\n"));
	if (capabilities->login)
		conn_write(conn, STR("USER\r\n"));
	if (capabilities->mechanisms[0] != '\0')
		conn_printf(conn, "SASL %s\r\n", capabilities->mechanisms);
	if (capabilities->stls)
		conn_write(conn, STR("STLS\r\n"));
	if (capabilities->implementation)
		conn_write(conn, STR("IMPLEMENTATION Postroom\r\n"));
	conn_write(conn, STR(".\r\n"));
}
