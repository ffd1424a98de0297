import 'package:dio/dio.dart';

import 'integration_exception.dart';
import 'models.dart';

/// The integrations of the user whose token [Dio] sends.
///
/// Every method throws an [IntegrationException] if the service refuses, and lets dio's `DioException` through if it
/// cannot be reached.
class IntegrationService {
  /// [dio] has the service's address in `options.baseUrl`, for example `https://api.invenicum.com/api/v1`, and adds the
  /// header `Authorization: Bearer <token>`, usually with an interceptor.
  const IntegrationService(this._dio);

  final Dio _dio;

  /// Each integration type, and whether the user has an active integration of it, as `{'github': true, …}`.
  Future<Map<String, bool>> getIntegrationStatuses() async {
    final answer = await _call('GET', '/integrations/status');
    return Map<String, bool>.from(_data(answer));
  }

  /// The saved integration of [type] (`slack`), or null if there is none.
  Future<Integration?> getIntegrationConfig(String type) async {
    try {
      return Integration.fromJson(_data(await _call('GET', '/integrations/${_part(type)}')));
    } on IntegrationException catch (error) {
      if (error.code == 'INTEGRATION_NOT_FOUND') return null;
      rethrow;
    }
  }

  /// Tries [config] without saving it. A connection that fails is a result too, not an exception; a request that is
  /// refused for another reason (a missing token, an unknown type) is an exception.
  ///
  /// Secrets that are blank or absent are those stored, as in [saveIntegration].
  Future<TestResult> testIntegration(String type, Map<String, dynamic> config) async {
    final body = {'type': type, 'config': config};
    return TestResult(await _call('POST', '/integrations/test', body: body, failures: const {400}));
  }

  /// Creates or replaces the integration of [type]. A secret that is blank or absent keeps its stored value, unless a
  /// field that decides where it is sent has changed.
  Future<SavedIntegration> saveIntegration(String type, Map<String, dynamic> config, {bool? isActive}) async {
    final body = {'type': type, 'config': config, if (isActive != null) 'isActive': isActive};
    return SavedIntegration.fromJson(_data(await _call('POST', '/integrations', body: body)));
  }

  /// Removes the integration of [type] and revokes its credentials. Returns a sentence for people.
  Future<String> deleteIntegration(String type) async {
    final answer = await _call('DELETE', '/integrations/${_part(type)}');
    return answer['message'] as String;
  }

  /// Begins an OAuth flow for an app whose browser shares cookies with [Dio], such as a web app of the same site.
  /// Other apps use [startConnection]. The browser ends at [returnUrl], whose origin the service has to allow.
  Future<Authorization> authorize(String type, {Uri? returnUrl}) async {
    final query = {if (returnUrl != null) 'returnUrl': '$returnUrl'};
    return Authorization.fromJson(await _call('GET', '/integrations/oauth/authorize/${_part(type)}', query: query));
  }

  /// The link that begins an OAuth flow for a native app: open it in the system's browser (providers refuse embedded
  /// ones). The browser ends at [returnUrl], for example `invenicum://integrations`, with `result=<code>` added, which
  /// [confirmConnection] takes. The service has to allow the scheme.
  Future<StartedConnection> startConnection(String type, {required Uri returnUrl}) async {
    final body = {'returnUrl': '$returnUrl'};
    return StartedConnection.fromJson(
      _data(await _call('POST', '/integrations/oauth/start/${_part(type)}', body: body)),
    );
  }

  /// Turns the code [result] that came back to the app into a connection. Only the user who started it can, once,
  /// within ten minutes.
  Future<Connection> confirmConnection(String result) async {
    final answer = await _call('POST', '/integrations/oauth/confirm', body: {'result': result});
    return Connection.fromJson(_data(answer));
  }

  /// A link that opens the portal for the user, once, within ten minutes: in the system's browser or in a web view. Ask
  /// for it when the user presses the button.
  ///
  /// [path] is a page below `/portal`, for example `/services/slack`. With [readOnly] nothing can be changed. [returnUrl]
  /// is where *Back to Invenicum* leads; the service has to allow its origin or scheme. [theme] is `light`, `dark` or
  /// `system`, [accent] a color as `#2456d6`, [lang] one of `en`, `de`, `es`, `fr`, `it` and `pt`.
  Future<PortalLink> createPortalLink({
    String path = '/',
    bool readOnly = false,
    Uri? returnUrl,
    String? theme,
    String? accent,
    String? lang,
  }) async {
    final body = {
      'path': path,
      'readOnly': readOnly,
      if (returnUrl != null) 'returnUrl': '$returnUrl',
      if (theme != null) 'theme': theme,
      if (accent != null) 'accent': accent,
      if (lang != null) 'lang': lang,
    };
    return PortalLink.fromJson(_data(await _call('POST', '/portal/links', body: body)));
  }

  /// The answer's JSON object. An answer in the service's form with a status in [failures] is returned too.
  Future<Map<String, dynamic>> _call(
    String method,
    String path, {
    Map<String, dynamic>? body,
    Map<String, dynamic>? query,
    Set<int> failures = const {},
  }) async {
    final response = await _dio.request<Object?>(
      path,
      data: body,
      queryParameters: query,
      options: Options(method: method, validateStatus: (_) => true),
    );
    final status = response.statusCode ?? 0;
    final answer = response.data;
    if (answer is Map<String, dynamic>) {
      if (status >= 200 && status < 300) return answer;
      if (failures.contains(status) && answer['error'] is String) return answer;
    }
    throw IntegrationException.fromAnswer(status, answer);
  }

  static Map<String, dynamic> _data(Map<String, dynamic> answer) => answer['data'] as Map<String, dynamic>;

  static String _part(String type) => Uri.encodeComponent(type);
}
