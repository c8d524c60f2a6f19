// The host's compiler holds the header's assertions too: agent and programs see the same structures.

#include "tunnel_program.h"
