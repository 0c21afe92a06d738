/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "peer.h"

static const char help[] =
	"usage: peer server|client|load [options]\n"
	"  server   answers `peer client`\n"
	"  client   one operation on one connection, checked byte by byte\n"
	"  load     many short requests to any server that closes after its answer, timed\n"
	"`peer COMMAND --help` says more.\n";

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "server"))
		return server_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "client"))
		return client_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "load"))
		return load_main(argc - 1, argv + 1);
	fputs(help, argc > 1 && !strcmp(argv[1], "--help") ? stdout : stderr);
	return argc > 1 && !strcmp(argv[1], "--help") ? 0 : 2;
}
