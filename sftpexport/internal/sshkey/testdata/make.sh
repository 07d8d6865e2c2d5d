#!/usr/bin/env bash
# Makes the keys of this directory, with OpenSSH 9.2, OpenSSL 3.0 and PuTTY 0.78. They
# open nothing. NAME.key has a passphrase if NAME ends in -locked; NAME.pub is its
# public part. Tests read what is kept here and do not run this.
set -euo pipefail
cd "$(dirname "$0")"
pass='golden passphrase 17'
rm -f ./*.key ./*.pub
for kind in ed25519 rsa ecdsa; do
	bits=(); [ $kind = rsa ] && bits=(-b 2048)
	ssh-keygen -q -t $kind "${bits[@]}" -N '' -C "golden $kind" -f base
	cut -d' ' -f1,2 base.pub >"public-$kind"
	keep() { cp "public-$kind" "$1.pub"; }
	cp base "openssh-$kind.key"; keep "openssh-$kind"
	for cipher in aes256-ctr aes256-cbc 3des-cbc aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
		name="openssh-$kind-${cipher%@*}-locked"
		cp base "$name.key"; ssh-keygen -q -p -Z "$cipher" -a 4 -P '' -N "$pass" -f "$name.key" >/dev/null; keep "$name"
	done
	puttygen base -O private -o "ppk3-$kind.key"; keep "ppk3-$kind"
	puttygen base -O private --ppk-param version=2 -o "ppk2-$kind.key"; keep "ppk2-$kind"
	for version in 2 3; do
		name="ppk$version-$kind-locked"
		puttygen base -O private --ppk-param version=$version,memory=64,passes=3 --new-passphrase <(printf %s "$pass") -o "$name.key"; keep "$name"
	done
	puttygen base -O private --ppk-param version=3,kdf=argon2i,memory=64,passes=3 --new-passphrase <(printf %s "$pass") -o "ppk3i-$kind-locked.key"; keep "ppk3i-$kind-locked"
	if [ $kind != ed25519 ]; then
		cp base pem; ssh-keygen -q -p -m PEM -P '' -N '' -f pem >/dev/null
		cp pem "pem-$kind.key"; keep "pem-$kind"
		cp base "pem-$kind-locked.key"; ssh-keygen -q -p -m PEM -P '' -N "$pass" -f "pem-$kind-locked.key" >/dev/null; keep "pem-$kind-locked"
		for options in '-v2 aes-128-cbc' '-v2 aes-256-cbc -v2prf hmacWithSHA512' '-v2 des3 -v2prf hmacWithSHA1' '-scrypt'; do
			name="pkcs8-$kind-$(tr -cd 'a-zA-Z0-9' <<<"$options")-locked"
			# shellcheck disable=SC2086
			openssl pkcs8 -topk8 -in pem $options -passout "pass:$pass" -out "$name.key"; keep "$name"
		done
		openssl pkcs8 -topk8 -nocrypt -in pem -out "pkcs8-$kind.key"; keep "pkcs8-$kind"
		rm pem
	fi
	rm base base.pub "public-$kind"
done
openssl dsaparam -genkey 1024 2>/dev/null | openssl dsa -out dsa.key 2>/dev/null
