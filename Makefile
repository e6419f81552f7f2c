# SPDX-License-Identifier: GPL-2.0
# The human half: 'make help' says what there is.  Kbuild is the kbuild half.

VERSION := 0.1.0

KVER ?= $(or $(KERNELRELEASE),$(shell uname -r))
KDIR ?= /lib/modules/$(KVER)/build
# KDIR says which kernel it is (config/kernel.release of Debian's 6.1 does not).
# Where it is gone, 'uninstall' goes by KVER.
RELEASE := $(or $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	'$(KDIR)/include/generated/utsrelease.h' 2>/dev/null),$(KVER))
SRCDIR ?= /usr/src/goalloc-headers-$(VERSION)/$(RELEASE)

# kbuild knows no such paths: it would say something else, late.
ifneq ($(words x$(subst :, ,$(CURDIR))x),1)
$(error goalloc: the kernel's build takes no path with a blank or a colon: move $(CURDIR))
endif

# A relative path is meant from here, not from KDIR, where kbuild runs.
DEST := $(if $(DESTDIR),$(abspath $(DESTDIR)))
# A package's build installs into DESTDIR, where no depmod is run.
MOD_PATH := $(abspath $(or $(INSTALL_MOD_PATH),$(DESTDIR)))
DEPMOD = $(if $(DEST),:,depmod $(addprefix -b ,$(MOD_PATH)))

# Distributions keep the key that they sign with, so nothing can be signed.
NO_KEY = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

# C=, W=, V=, LLVM=, ARCH= and the like reach kbuild by themselves: what is
# given on make's command line is passed down.
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)

# kbuild does not notice that a tree was built for another kernel, and would
# leave its modules as they are.  So the tree says for which it was built.
STAMP := build/kernel
KERNEL := $(RELEASE) $(realpath $(KDIR))

TOOLS = +$(MAKE) -C tools O=$(abspath $(or $(O),build/tools)) \
	VERSION=$(VERSION) DESTDIR=$(DEST)

HEADERS := linux/goalloc.h linux/goalloc_align.h linux/goalloc_class.h \
	linux/gocache.h linux/gov.h linux/gogc.h uapi/linux/goalloc.h \
	linux/goalloc_dropin.h linux/goalloc_dropin_calls.h \
	$(addprefix dropin/linux/,slab.h mempool.h net.h)

all: modules $(if $(NO_TOOLS),,tools)

modules: | stamp
	+$(KBUILD) modules

stamp: | kdir
	@test ! -e Module.symvers || \
	test "$$(cat $(STAMP) 2>/dev/null)" = "$(KERNEL)" || { \
	echo "goalloc: built for another kernel before: building anew"; \
	find . -path ./build -prune -o \( -name '*.o' -o -name '*.ko' \
		-o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name modules.order -o -name Module.symvers \) \
		-exec rm -f {} +; }
	@mkdir -p $(dir $(STAMP)) && echo "$(KERNEL)" >$(STAMP)

kdir:
	@test -e $(KDIR)/Makefile || { \
	echo "goalloc: no kernel to build against: $(KDIR) is not there." >&2; \
	echo "Install the headers of the kernel that you run (Debian:" >&2; \
	echo "  apt install linux-headers-$(KVER))" >&2; \
	echo "or name a kernel's build directory:" >&2; \
	echo "  make KDIR=/usr/src/linux-headers-..." >&2; \
	echo "'make demo' needs neither: it sets up a kernel of its own." >&2; \
	exit 1; }
	@test -z "$(LLVM)" || ! grep -qs '^CONFIG_CC_IS_GCC=y' $(KDIR)/.config || { \
	echo "goalloc: LLVM=$(LLVM): $(KDIR) is of a kernel that gcc has built," >&2; \
	echo "with options that clang does not take: leave LLVM= away." >&2; \
	exit 1; }

# Nothing is built by 'install': root's files would stay in the tree.
built: | kdir
	@test -e Module.symvers && test -e goalloc.ko || { \
	echo "goalloc: nothing is built here: run 'make' first" >&2; exit 1; }
	@test "$$(cat $(STAMP) 2>/dev/null)" = "$(KERNEL)" || { \
	echo "goalloc: built for another kernel: $$(cat $(STAMP));" >&2; \
	echo "run 'make' for $(KERNEL) first" >&2; exit 1; }

modules_install: | built
	+$(KBUILD) $(NO_KEY) DEPMOD=true INSTALL_MOD_PATH=$(MOD_PATH) \
		modules_install
	$(DEPMOD) $(RELEASE)

# A dependent module is built against the headers and Module.symvers, of which
# each kernel has its own.
install: modules_install $(if $(NO_TOOLS),,tools_install)
	install -d $(DEST)$(SRCDIR)
	install -m 644 Module.symvers $(DEST)$(SRCDIR)
	for h in $(HEADERS); do \
		install -D -m 644 include/$$h \
			$(DEST)$(SRCDIR)/include/$$h || exit 1; \
	done

uninstall: $(if $(NO_TOOLS),,tools_uninstall)
	rm -rf $(DEST)$(SRCDIR)
	rmdir $(dir $(DEST)$(SRCDIR)) 2>/dev/null || true
	test ! -d $(MOD_PATH)/lib/modules/$(RELEASE) || \
	find $(MOD_PATH)/lib/modules/$(RELEASE)/ \
		\( -name 'goalloc*.ko*' -o -name 'goreplay.ko*' \) -delete
	$(DEPMOD) $(RELEASE)

# Without a kernel's build directory there is nothing of kbuild's to clean.
clean:
	rm -rf build
	$(if $(wildcard $(KDIR)/Makefile),+$(KBUILD) clean)

# The library and programs for /dev/goalloc; ncurses and zlib are all they need.
tools:
	$(TOOLS)

tools_install tools_uninstall:
	$(TOOLS) $(@:tools_%=%)

setup demo test test-matrix check bench mutate pictures:
	@scripts/$@

deb rpm:
	@scripts/build-packages $@

help:
	@echo 'To see it work:'
	@echo '  demo            - build goalloc, boot Debian 6.12 in QEMU, play kernel traffic'
	@echo '  test            - KUnit, device, client and replay tests, in UML and QEMU'
	@echo '  test-matrix     - all tests on all kernels: UML, Debian 6.12, 6.12 rt and 6.1,'
	@echo '                    and those that it builds with KASAN and KCSAN; takes hours'
	@echo '  mutate          - plant small bugs, one at a time: do the tests notice?'
	@echo '  check           - style, sparse, kernel-doc, generated files, shell scripts'
	@echo '  bench           - instructions, nanoseconds, pages, locks, latencies, beside kmalloc;'
	@echo '                    and beside TCMalloc, jemalloc, mimalloc, glibc and Go'
	@echo '  pictures        - boot Debian 6.12 in QEMU and draw where its memory is'
	@echo '  setup           - install the Debian packages for demo, test and check;'
	@echo '                    each of these targets installs what it needs itself'
	@echo ''
	@echo 'To use it:'
	@echo '  all             - modules and tools (default)'
	@echo '  modules         - build goalloc.ko and goreplay.ko'
	@echo '  modules_install - install them under /lib/modules/$(RELEASE)'
	@echo '  install         - that, the tools, and what modules that use goalloc are built'
	@echo '                    against, in $(SRCDIR)'
	@echo '  uninstall       - undo it'
	@echo '  tools           - build libgoalloc, goallocctl and goalloctop in build/tools'
	@echo '  tools_install   - install them, with man pages, under PREFIX'
	@echo '  tools_uninstall - undo it'
	@echo '  deb             - build Debian packages, source and binary, in build/packages'
	@echo '  rpm             - build RPMs, in build/packages-rpm'
	@echo '  clean           - remove what was built'
	@echo '  help            - this text'
	@echo ''
	@echo 'Variables:'
	@echo '  KVER=release    - build for this kernel, in KDIR=/lib/modules/KVER/build [$(KVER)]'
	@echo '  KDIR=dir        - build for the kernel of this build directory, whatever KVER is;'
	@echo '                    give the same to install and uninstall'
	@echo '  PREFIX=dir      - of the tools [/usr/local]; NO_TOOLS=1: without them'
	@echo '  INSTALL_MOD_PATH=, INSTALL_MOD_DIR=, DESTDIR= - where to install'
	@echo '  C=1|2  sparse;  W=1  warnings;  V=1  commands;  LLVM=1  clang,'
	@echo '                    which takes a kernel that clang has built'

.PHONY: all modules stamp kdir built modules_install install uninstall clean \
	tools tools_install tools_uninstall \
	setup demo test test-matrix check bench mutate pictures deb rpm help
