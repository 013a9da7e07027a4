# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # $say is the caller's
#
# Packages of any Debian suite by the ordinary apt client, without installing them: lists and archives
# lie below a directory of our own, this machine's apt stays as it is. Sourced by what gets kernels
# and QEMU.
#
#   refuse WHAT               says what failed and the last thing apt said, and ends with 1
#   debian_lists DIR SUITE... gets the suites' lists into DIR; sets the array `apt` (options for apt)
#   debian_unpack DIR PACKAGE... gets the packages by these lists and unpacks them into DIR/root
#
# All use $say, a file for what commands say.

refuse()
{
	echo "$1: $(tail -1 "$say" 2>/dev/null | cut -c1-200)" >&2
	exit 1
}

debian_lists()
{
	local work=$1 mirror suite
	shift

	mkdir -p "$work/lists/partial" "$work/archives/partial" || exit 1
	# shellcheck disable=SC2016 # apt's own variables
	mirror=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; exit }')
	for suite in "$@"; do
		echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"${mirror:-http://deb.debian.org/debian/} $suite main"
	done >"$work/sources.list"
	apt=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work"
		-o Acquire::Languages=none -o APT::Architecture=amd64
		-o "APT::Sandbox::User=$(id -un)" -o APT::Update::Error-Mode=any
		-o Acquire::Retries=1 -o Acquire::http::Timeout=20)
	timeout 120 apt-get "${apt[@]}" update >"$say" 2>&1 || refuse "apt does not get the lists of $*"
}

debian_unpack()
{
	local work=$1 package
	shift

	mkdir -p "$work/debs" "$work/root" || exit 1
	(cd "$work/debs" && timeout 300 apt-get "${apt[@]}" download "$@") >"$say" 2>&1 ||
		refuse "apt does not get $1"
	for package in "$work"/debs/*.deb; do
		dpkg -x "$package" "$work/root" >"$say" 2>&1 || refuse "$package can not be unpacked"
	done
}
