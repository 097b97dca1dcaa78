#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# checkpassword.sh - a checkpassword program for tests: alice's password is wonderland; bob's run ends
# with 111, erin's is of Latin-1, carol's hangs, dave's ends with 0 and runs nothing.  Looks names up with AUTHORIZED=1.
# The first argument is a file that notes each run, without the password.
notes=$1
shift
{ IFS= read -r user; IFS= read -r password; IFS= read -r stamp; } <<END
$(tr '\000' '\n' <&3)
END
echo "user=$user peer=$TCPREMOTEIP service=$SERVICE authorized=$AUTHORIZED" >>"$notes"
case $user in
  bob) exit 111 ;;
  carol) sleep 60 ;;
  dave) exit 0 ;;
esac
export USER="$user" HOME="/home/$user"
if [ "$AUTHORIZED" = 1 ]; then
  [ "$user" = alice ] || [ "$user" = alice@example.test ] || exit 3
  export AUTHORIZED=2 USER=alice
  exec "$@"
fi
[ "$user:$password" = "erin:$(printf 'caf\351')" ] && exec "$@"
[ "$user:$password" = "alice:wonderland" ] || exit 1
exec "$@"
