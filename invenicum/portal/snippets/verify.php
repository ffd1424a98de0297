<?php
// $body: file_get_contents('php://input'); $headers: by name in lower case
function verify(string $body, array $headers, string $secret): bool
{
    $sentAt = $headers['webhook-timestamp'];
    if (abs(time() - (int) $sentAt) > 300) {
        return false;
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $digest = hash_hmac('sha256', "{$headers['webhook-id']}.{$sentAt}.{$body}", $key, true);
    $right = 'v1,' . base64_encode($digest);
    foreach (explode(' ', $headers['webhook-signature']) as $one) {
        if (hash_equals($right, $one)) {
            return true;
        }
    }
    return false;
}
