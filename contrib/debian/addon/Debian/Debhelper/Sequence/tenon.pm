# SPDX-License-Identifier: MIT
# `dh --with tenon`, or Build-Depends: dh-sequence-tenon.
use strict;
use warnings;

use Debian::Debhelper::Dh_Lib;

insert_before('dh_installdeb', 'dh_tenon');

1;
