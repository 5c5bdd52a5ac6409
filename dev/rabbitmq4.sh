#!/bin/sh
# Installs the RabbitMQ of another Debian release in a folder, and writes programs that run it from there:
#     sudo sh dev/rabbitmq4.sh FOLDER [RELEASE]     RELEASE is trixie by default
# `CRUDMQ_TEST_RABBITMQ_PROGRAMS=FOLDER-programs make faults` uses them. Needs root and debootstrap.
# Before you delete FOLDER, unmount FOLDER/proc, FOLDER/dev and FOLDER/tmp: they are the directories of the system.
set -eu

root=$1 release=${2:-trixie} programs=$1-programs

if [ ! -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ]; then
    debootstrap --variant=minbase "$release" "$root"
    # The package must not start a server.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends rabbitmq-server
fi
# The nodes keep their files in /tmp.
for directory in proc dev tmp; do
    mountpoint --quiet "$root/$directory" || mount --bind "/$directory" "$root/$directory"
done
mkdir -p "$programs"
for program in lib/rabbitmq/bin/rabbitmq-server lib/rabbitmq/bin/rabbitmqctl bin/epmd; do
    printf '#!/bin/sh\nexec chroot %s /usr/%s "$@"\n' "$root" "$program" >"$programs/${program##*/}"
    chmod +x "$programs/${program##*/}"
done
echo "$programs"
