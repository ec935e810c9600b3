#!/bin/sh
# Sends a payload to a webhook source, signed as its sender would sign it. Needs curl and openssl.
#
#   WEBHOOK_SECRET=… examples/send-webhook.sh SOURCE SCHEME FILE [EVENT]
#
# SCHEME is standard-webhooks, shopify or github; EVENT is GitHub's (Shopify's is customers/redact). MESSAGE_ID, when set,
# is the delivery's id: sent again with the same one, nothing happens twice. API_URL is http://127.0.0.1:3000 unless set.
set -eu

source=$1 scheme=$2 file=$3 event=${4:-}
id=${MESSAGE_ID:-msg_$(openssl rand -hex 12)}
url=${API_URL:-http://127.0.0.1:3000}/v1/webhooks/$source

# HMAC-SHA256 of standard input under a key in hex, as raw bytes.
hmac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

case $scheme in
standard-webhooks)
  key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | hex)
  time=$(date +%s)
  signature=$({ printf '%s.%s.' "$id" "$time" && cat "$file"; } | hmac "$key" | openssl base64 -A)
  set -- -H "webhook-id: $id" -H "webhook-timestamp: $time" -H "webhook-signature: v1,$signature"
  ;;
shopify)
  key=$(printf %s "$WEBHOOK_SECRET" | hex)
  shop=$(sed -n 's/.*"shop_domain": *"\([^"]*\)".*/\1/p' "$file")
  set -- -H "X-Shopify-Topic: customers/redact" -H "X-Shopify-Shop-Domain: $shop" -H "X-Shopify-Webhook-Id: $id" \
    -H "X-Shopify-Hmac-Sha256: $(hmac "$key" <"$file" | openssl base64 -A)"
  ;;
github)
  key=$(printf %s "$WEBHOOK_SECRET" | hex)
  set -- -H "X-GitHub-Event: $event" -H "X-GitHub-Delivery: $id" \
    -H "X-Hub-Signature-256: sha256=$(hmac "$key" <"$file" | hex)"
  ;;
*)
  echo "unknown scheme: $scheme" >&2
  exit 2
  ;;
esac

curl -sS -w ' %{http_code}\n' "$url" -H 'Content-Type: application/json' "$@" --data-binary "@$file"
