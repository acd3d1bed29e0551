import { Auth } from './gen/etcdserverpb/auth_pb.js';
import { messageMethod } from './message-method.js';

/** The rpcs of the Auth service. */
export const AUTH_METHODS = {
  authEnable: messageMethod(Auth.method.authEnable),
  authDisable: messageMethod(Auth.method.authDisable),
  authStatus: messageMethod(Auth.method.authStatus),
  authenticate: messageMethod(Auth.method.authenticate),
  userAdd: messageMethod(Auth.method.userAdd),
  userGet: messageMethod(Auth.method.userGet),
  userList: messageMethod(Auth.method.userList),
  userDelete: messageMethod(Auth.method.userDelete),
  userChangePassword: messageMethod(Auth.method.userChangePassword),
  userGrantRole: messageMethod(Auth.method.userGrantRole),
  userRevokeRole: messageMethod(Auth.method.userRevokeRole),
  roleAdd: messageMethod(Auth.method.roleAdd),
  roleGet: messageMethod(Auth.method.roleGet),
  roleList: messageMethod(Auth.method.roleList),
  roleDelete: messageMethod(Auth.method.roleDelete),
  roleGrantPermission: messageMethod(Auth.method.roleGrantPermission),
  roleRevokePermission: messageMethod(Auth.method.roleRevokePermission),
} as const;
