#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What tests/guest/tools.sh traces.
exec /goalloc/goallocctl run sizes=16-4K+100000 count=3000 live=50
