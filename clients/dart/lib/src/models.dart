/// What a test of a configuration found out.
class TestResult {
  TestResult(this.json);

  /// The answer as the service sent it.
  final Map<String, dynamic> json;

  bool get success => json['success'] == true;
  String get message => json['message'] as String;

  /// Why it failed, for example `SLACK_CONNECTION_FAILED`; null if it succeeded.
  String? get error => json['error'] as String?;

  /// What the other side said about itself, for example `{'teamName': 'Invenicum Team'}`.
  Map<String, dynamic> get metadata => json['metadata'] as Map<String, dynamic>? ?? const {};

  /// A value by its name, as in `result['success']`.
  dynamic operator [](String name) => json[name];
}

/// An integration that was saved.
class SavedIntegration {
  SavedIntegration.fromJson(Map<String, dynamic> json)
      : type = json['type'] as String,
        isActive = json['isActive'] as bool,
        createdAt = DateTime.parse(json['createdAt'] as String),
        signingSecret = json['signingSecret'] as String?;

  final String type;
  final bool isActive;
  final DateTime createdAt;

  /// What a new custom webhook's requests are signed with, shown this once; otherwise null.
  final String? signingSecret;
}

/// An integration as it is stored, without its secrets.
class Integration {
  Integration.fromJson(Map<String, dynamic> json)
      : type = json['type'] as String,
        config = json['config'] as Map<String, dynamic>,
        isActive = json['isActive'] as bool,
        createdAt = DateTime.parse(json['createdAt'] as String),
        lastSync = _time(json['lastSync']),
        status = json['status'] as String,
        statusReason = json['statusReason'] as String?,
        account = json['account'] as String?,
        inboundUrl = json['inboundUrl'] as String?,
        secrets = Map<String, bool>.from(json['secrets'] as Map<String, dynamic>);

  final String type;
  final Map<String, dynamic> config;
  final bool isActive;
  final DateTime createdAt;
  final DateTime? lastSync;

  /// `active`, `paused`, `disabled` or `needs_reconnect`; [statusReason] says why.
  final String status;
  final String? statusReason;

  /// The account at the service that OAuth connected.
  final String? account;

  /// Where the service sends its hooks.
  final String? inboundUrl;

  /// Each secret field, and whether a value is stored: a form can leave such a field blank to keep it.
  final Map<String, bool> secrets;
}

/// An OAuth flow whose callback needs the cookies of the request that began it.
class Authorization {
  Authorization.fromJson(Map<String, dynamic> json)
      : authorizationUrl = Uri.parse(json['authorizationUrl'] as String),
        state = json['state'] as String;

  final Uri authorizationUrl;
  final String state;
}

/// A link that begins an OAuth flow in the system's browser, once, before [expiresAt].
class StartedConnection {
  StartedConnection.fromJson(Map<String, dynamic> json)
      : startUrl = Uri.parse(json['startUrl'] as String),
        expiresAt = DateTime.parse(json['expiresAt'] as String);

  final Uri startUrl;
  final DateTime expiresAt;
}

/// A link that opens the portal in a browser, once, before [expiresAt].
class PortalLink {
  PortalLink.fromJson(Map<String, dynamic> json)
      : url = Uri.parse(json['url'] as String),
        expiresAt = DateTime.parse(json['expiresAt'] as String);

  final Uri url;
  final DateTime expiresAt;
}

/// An integration that OAuth connected.
class Connection {
  Connection.fromJson(Map<String, dynamic> json)
      : type = json['type'] as String,
        isActive = json['isActive'] as bool,
        account = json['account'] as String?;

  final String type;
  final bool isActive;
  final String? account;
}

DateTime? _time(Object? text) => text == null ? null : DateTime.parse(text as String);
