# SPDX-License-Identifier: GPL-2.0
# The human half: 'make help' says what there is.  Kbuild is the kbuild half.

VERSION := 0.1.0

KERNELRELEASE ?= $(or $(KVER),$(shell uname -r))
KDIR ?= /lib/modules/$(KERNELRELEASE)/build
SRCDIR ?= /usr/src/goalloc-$(VERSION)

# A package's build installs into DESTDIR, where no depmod is run.
export INSTALL_MOD_PATH ?= $(DESTDIR)
DEPMOD = $(if $(DESTDIR),:,depmod $(addprefix -b ,$(INSTALL_MOD_PATH)))

# Distributions keep the key that they sign with, so nothing can be signed.
NO_KEY = $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)

# C=, W=, V=, LLVM=, ARCH= and the like reach kbuild by themselves: what is
# given on make's command line is passed down.
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)

HEADERS := linux/goalloc.h linux/goalloc_class.h uapi/linux/goalloc.h

modules: | kdir
	+$(KBUILD) modules

kdir:
	@test -e $(KDIR)/Makefile || { \
	echo "goalloc: no kernel to build against: $(KDIR) is not there." >&2; \
	echo "Install the headers of the kernel that you run (Debian:" >&2; \
	echo "  apt install linux-headers-$(KERNELRELEASE))" >&2; \
	echo "or name a kernel's build directory:" >&2; \
	echo "  make KDIR=/usr/src/linux-headers-..." >&2; \
	echo "'make demo' needs neither: it sets up a kernel of its own." >&2; \
	exit 1; }

modules_install: | kdir
	+$(KBUILD) $(NO_KEY) DEPMOD=true modules_install
	$(DEPMOD) $(KERNELRELEASE)

# A dependent module is built against the headers and Module.symvers.
install: modules_install $(if $(NO_TOOLS),,tools_install)
	install -d $(DESTDIR)$(SRCDIR)
	install -m 644 Module.symvers $(DESTDIR)$(SRCDIR)
	for h in $(HEADERS); do \
		install -D -m 644 include/$$h \
			$(DESTDIR)$(SRCDIR)/include/$$h || exit 1; \
	done

uninstall: tools_uninstall
	rm -rf $(DESTDIR)$(SRCDIR)
	find $(INSTALL_MOD_PATH)/lib/modules/$(KERNELRELEASE)/ \
		\( -name 'goalloc*.ko*' -o -name 'goreplay.ko*' \) -delete
	$(DEPMOD) $(KERNELRELEASE)

# Without a kernel's build directory there is nothing of kbuild's to clean.
clean:
	rm -rf build
	$(if $(wildcard $(KDIR)/Makefile),+$(KBUILD) clean)

# The library and programs for /dev/goalloc; ncurses is all they need.
tools:
	+$(MAKE) -C tools O=$(abspath $(or $(O),build/tools)) VERSION=$(VERSION)

tools_install tools_uninstall:
	+$(MAKE) -C tools O=$(abspath $(or $(O),build/tools)) \
		VERSION=$(VERSION) $(@:tools_%=%)

setup demo test test-matrix check bench mutate pictures:
	@scripts/$@

help:
	@echo 'To see it work:'
	@echo '  demo            - boot Debian 6.12 in QEMU, play kernel traffic through goalloc'
	@echo '  test            - KUnit, device, client and replay tests, in UML and QEMU'
	@echo '  test-matrix     - all tests on all kernels: Debian 6.12, 6.12 rt and 6.1, KCSAN, RT'
	@echo '  mutate          - plant small bugs, one at a time: do the tests notice?'
	@echo '  check           - style, sparse, kernel-doc, generated files, shell scripts'
	@echo '  bench           - instructions, nanoseconds, pages, locks, latencies, beside kmalloc'
	@echo '  pictures        - boot Debian 6.12 in QEMU and draw where its memory is'
	@echo '  setup           - install the Debian packages that these need'
	@echo ''
	@echo 'To use it:'
	@echo '  modules         - build goalloc.ko and goreplay.ko (default)'
	@echo '  modules_install - install them under /lib/modules'
	@echo '  install         - that, and headers and Module.symvers in $(SRCDIR)'
	@echo '  uninstall       - undo it'
	@echo '  tools           - build libgoalloc, goallocctl and goalloctop in build/tools'
	@echo '  tools_install   - install them, with man pages, under PREFIX'
	@echo '  tools_uninstall - undo it'
	@echo '  clean           - remove what was built'
	@echo '  help            - this text'
	@echo ''
	@echo 'Variables:'
	@echo '  KDIR=dir        - kernel build directory [$(KDIR)]'
	@echo '  KVER=release    - kernel release, where KDIR is not given [$(KERNELRELEASE)]'
	@echo '  PREFIX=dir      - of the tools [/usr/local]; NO_TOOLS=1 installs none'
	@echo '  INSTALL_MOD_PATH=, INSTALL_MOD_DIR=, DESTDIR= - where to install'
	@echo '  C=1|2  sparse;  W=1  warnings;  V=1  commands;  LLVM=1  clang'

.PHONY: modules kdir modules_install install uninstall clean \
	tools tools_install tools_uninstall \
	setup demo test test-matrix check bench mutate pictures help
