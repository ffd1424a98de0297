import 'package:dio/dio.dart';
import 'package:invenicum_integrations/invenicum_integrations.dart';
import 'package:test/test.dart';

import 'answering_adapter.dart';

void main() {
  late AnsweringAdapter adapter;

  IntegrationService answering(int status, Object body) {
    adapter = AnsweringAdapter(status, body);
    final dio = Dio(BaseOptions(baseUrl: 'https://api.invenicum.com/api/v1'));
    return IntegrationService(dio..httpClientAdapter = adapter);
  }

  Map<String, dynamic> failure(String code, String message, [Map<String, List<String>>? details]) {
    return {'success': false, 'message': message, 'error': code, if (details != null) 'details': details};
  }

  test('statuses are booleans by type', () async {
    final service = answering(200, {
      'data': {'github': true, 'slack': false},
    });
    expect(await service.getIntegrationStatuses(), {'github': true, 'slack': false});
    expect('${adapter.requests.single.uri}', 'https://api.invenicum.com/api/v1/integrations/status');
  });

  test('an integration that is not saved is null', () async {
    final service = answering(404, failure('INTEGRATION_NOT_FOUND', 'You have no slack integration.'));
    expect(await service.getIntegrationConfig('slack'), isNull);
  });

  test('a connection that fails is a result', () async {
    final service = answering(400, failure('SLACK_CONNECTION_FAILED', 'channel_not_found'));
    final result = await service.testIntegration('slack', {'channel': '#asset-updates'});
    expect(result['success'], false);
    expect(result.error, 'SLACK_CONNECTION_FAILED');
  });

  test('a test without a valid token is an exception', () async {
    final service = answering(401, failure('NOT_AUTHENTICATED', 'Invalid or expired token'));
    await expectLater(
      service.testIntegration('slack', {}),
      throwsA(isA<IntegrationException>().having((error) => error.isSignedOut, 'isSignedOut', true)),
    );
  });

  test('what is wrong with a configuration is said by field', () async {
    final details = {
      'channel': ['this field is required'],
    };
    final service = answering(400, failure('INVALID_CONFIG', 'channel: this field is required', details));
    await expectLater(
      service.saveIntegration('slack', {}),
      throwsA(isA<IntegrationException>().having((error) => error.details, 'details', details)),
    );
  });

  test('the answer of a proxy is an exception with a sentence', () async {
    final service = answering(502, 'Bad Gateway');
    await expectLater(
      service.getIntegrationStatuses(),
      throwsA(isA<IntegrationException>().having((error) => error.code, 'code', 'UNEXPECTED_ANSWER')),
    );
  });

  test('the link to start with is asked for with the address to return to', () async {
    final service = answering(200, {
      'data': {'startUrl': 'https://api.invenicum.com/o/s', 'expiresAt': '2026-03-07T10:40:00Z'},
    });
    final started = await service.startConnection('google_drive', returnUrl: Uri.parse('invenicum://integrations'));
    expect(started.startUrl.host, 'api.invenicum.com');
    expect(adapter.requests.single.data, {'returnUrl': 'invenicum://integrations'});
  });

  test('a link to the portal is asked for with its options', () async {
    final service = answering(200, {
      'data': {'url': 'https://api.invenicum.com/portal/open#code', 'expiresAt': '2026-03-07T10:40:00Z'},
    });
    final link = await service.createPortalLink(path: '/services/slack', lang: 'de');
    expect(link.url.fragment, 'code');
    expect(adapter.requests.single.data, {'path': '/services/slack', 'readOnly': false, 'lang': 'de'});
  });
}
