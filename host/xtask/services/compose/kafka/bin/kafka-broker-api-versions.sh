#!/bin/bash
# What compose asks, with --bootstrap-server HOST:PORT: does it answer?
exec 3<> "/dev/tcp/${2/://}"
