const crypto = require('crypto');

// body: a Buffer; headers: by name in lower case, as in Node.js
function verify(body, headers, secret) {
  const sentAt = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1000 - Number(sentAt)) <= 300)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const hmac = crypto.createHmac('sha256', key).update(`${headers['webhook-id']}.${sentAt}.`).update(body);
  const right = Buffer.from('v1,' + hmac.digest('base64'));
  return headers['webhook-signature'].split(' ').some((one) => {
    const given = Buffer.from(one);
    return given.length === right.length && crypto.timingSafeEqual(given, right);
  });
}
