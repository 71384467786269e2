#!/bin/sh
# Makes what the servers need beside nats-server.conf and users.conf: a private certificate authority, a certificate for each
# server, and the users' passwords. What is there already is kept: run it again for a new server, or, having deleted a
# server's folder or a password, for new ones.
#   sh make-secrets.sh OUT nats-1=nats-1.example.com,10.0.0.1 nats-2=nats-2.example.com,10.0.0.2 …
set -eu
umask 077

if [ $# -lt 2 ]; then
  echo "usage: sh make-secrets.sh OUT NAME=HOST[,HOST|ADDRESS]… …" >&2
  exit 2
fi
out=$1
shift
mkdir -p "$out"

if [ ! -e "$out/ca.key" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=mill NATS" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$out/ca.key" -out "$out/ca.crt" 2>/dev/null
fi

for user in mill mill-reader admin; do
  [ -e "$out/$user.password" ] || openssl rand -hex 24 >"$out/$user.password"
done
for user in mill mill-reader admin; do
  variable=$(echo "$user" | tr a-z- A-Z_)_PASSWORD
  printf '%s: "%s"\n' "$variable" "$(cat "$out/$user.password")"
done >"$out/passwords.conf"

for server; do
  name=${server%%=*}
  hosts=${server#*=}
  dir=$out/$name
  [ ! -e "$dir/server.crt" ] || continue
  case $server in
    *=?*) ;;
    *)
      echo "make-secrets.sh: '$server' is not NAME=HOST[,HOST]…" >&2
      exit 2
      ;;
  esac
  alternatives=
  for host in $(echo "$hosts" | tr , ' '); do
    case $host in
      *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) kind=IP ;;
      *) kind=DNS ;;
    esac
    alternatives=$alternatives${alternatives:+,}$kind:$host
  done
  mkdir -p "$dir"
  # A server is the client of another one's route, hence both usages.
  {
    echo "subjectAltName=$alternatives"
    echo "extendedKeyUsage=serverAuth,clientAuth"
  } >"$dir/extensions"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$dir/server.key" -out "$dir/request" 2>/dev/null
  openssl x509 -req -in "$dir/request" -CA "$out/ca.crt" -CAkey "$out/ca.key" -CAcreateserial -days 730 \
    -extfile "$dir/extensions" -out "$dir/new.crt" 2>/dev/null
  rm "$dir/request" "$dir/extensions"
  cp "$out/ca.crt" "$out/passwords.conf" "$dir"
  mv "$dir/new.crt" "$dir/server.crt"
  echo "$dir: copy its files to /etc/nats/ on $name"
done
