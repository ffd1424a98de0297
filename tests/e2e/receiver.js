// A receiver as a reader of the API page would write it. Prints "verified <event>" or "refused" for each request.
const crypto = require('crypto');
const http = require('http');

function verifyWebhook(payload, signature, secret) {
  const hmac = crypto.createHmac('sha256', secret);
  const digest = 'sha256=' + hmac.update(payload).digest('hex');
  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(digest)
  );
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const payload = Buffer.concat(chunks);
    const genuine = verifyWebhook(payload, request.headers['x-invenicum-signature'], process.env.SECRET);
    console.log(genuine ? 'verified ' + JSON.parse(payload).event : 'refused');
    response.statusCode = genuine ? 200 : 401;
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
