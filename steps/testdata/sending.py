# Bodies of a function that sends to URL and keeps what it shows in out, each after a line of
# dashes. What they send and show is compared with the modules of these names.
# ---
r = requests.get(URL + '/json', params={'a': 'x y', 'b': [1, 2], 'c': None}, headers={'X-Key': 'k'})
out = [r.status_code, r.ok, r.reason, r.json(), r.headers['content-type'], r.text, r.content, r.encoding, bool(r), str(r)]
# ---
r = requests.post(URL + '/json', json={'total': 1.5, 'name': 'č'})
out = [r.status_code, r.json()['id']]
# ---
r = requests.post(URL + '/json', data={'a': 'b c', 'd': ['1', '2']})
out = r.status_code
# ---
r = requests.post(URL + '/json', data='plain text', headers={'Content-Type': 'text/csv'})
out = r.status_code
# ---
r = requests.put(URL + '/json', data=b'\xff\x00')
out = r.status_code
# ---
r = requests.patch(URL + '/json', json=[1, None, True])
out = r.status_code
# ---
r = requests.delete(URL + '/json')
out = r.status_code
# ---
r = requests.request('post', URL + '/json', json={}, auth=('user', 'pass'))
out = r.status_code
# ---
r = requests.post(URL + '/json', data={'a': '1'}, files={'f': ('name.txt', b'content', 'text/plain'), 'g': b'raw'})
out = r.status_code
# ---
r = requests.options(URL + '/json')
requests.delete(URL + '/json', json={'a': 1})
requests.delete(URL + '/json', headers={'X-Key': 'a'})
out = r.status_code
# ---
out = [requests.get(URL + '/json', headers={'X-Key': v}).status_code for v in ('Müller ÿ', b'M\xfcller', 'é'.encode())]
# ---
try:
    requests.get(URL + '/json', headers={'X-Key': 'č'})
except UnicodeEncodeError as e:
    out = str(e)
# ---
for v in (1, None, True, 1.5):
    try:
        out = requests.get(URL + '/json', headers={'X-Key': v}).status_code
    except requests.exceptions.InvalidHeader as e:
        out = isinstance(e, (ValueError, requests.RequestException)), str(e)
# ---
for v in (' a', 'a\nb', 'a\r\n b', 'a '):
    try:
        out = requests.get(URL + '/json', headers={'X-Key': v}).status_code
    except requests.exceptions.InvalidHeader as e:
        out = str(e)
# ---
import urllib.request
q = urllib.request.Request(URL + '/json', headers={'X-key': 'Müller'}, method='DELETE')
out = urllib.request.urlopen(q).status
# ---
import urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(URL + '/json', headers={'X-key': 'č'}))
except UnicodeEncodeError as e:
    out = str(e)
# ---
r = requests.post(URL + '/json', data={'a"b': 'ž', 'n': None, 's': (1, 2)}, files={'f\\x"': ('nám"e.txt', 'text'), 'none': None,
    'h': ('h', b'1', None, {'X-Part': 'p'}), 't': ('t', b'2', 'a/b', {'X-Part': 'q'})})
out = r.status_code
# ---
r = requests.post(URL + '/json', data={'a': {'x': 1}, 'b': (c for c in 'yz'), 'c': b'\xff', 'd': None, 'e': True}, params={'p': {'k'}})
out = r.status_code
# ---
r = requests.post(URL + '/json', params=b'a=b', data=[('a', '1'), ('a', '2')])
requests.post(URL + '/json', data={}, json=None)
requests.post(URL + '/json', data='')
out = requests.post(URL + '/json', json=[]).status_code
# ---
s = requests.Session()
r = s.post(URL + '/login', json={'user': 'u'})
s.get(URL + '/json')
s.get(URL + '/deep/er')
s.get(URL + '/deeper')
requests.get(URL + '/json')
out = [sorted(s.cookies.get_dict().items()), r.cookies.get('SID'), 'SID' in r.cookies, len(r.cookies), r.cookies.get('none', 1),
    r.headers['X-Twice']]
# ---
r = requests.post(URL + '/login')
requests.get(URL + '/json', cookies=r.cookies)
requests.get(URL + '/json', cookies={'a': '1', 'SID': 'own'})
requests.get(URL + '/json', cookies={'a': '1'}, headers={'Cookie': 'b=2'})
try:
    r.cookies['none']
except KeyError as e:
    out = [str(e), r.cookies['SID'], [(c.name, c.value, c.domain, c.path, c.secure) for c in r.cookies][:2], sorted(r.cookies.keys())]
# ---
s = requests.Session()
s.cookies.update({'a': '1', 'b': '2'})
s.cookies.set('c', '3', path='/deep')
s.cookies['d'] = '4'
s.get(URL + '/json', cookies={'a': 'own', 'e': '5'})
s.get(URL + '/deep')
del s.cookies['a']
s.cookies.set('b', None)
s.get(URL + '/json')
before = s.cookies.get_dict()
s.cookies.clear()
s.get(URL + '/json')
out = before, dict(s.cookies), bool(s.cookies), s.cookies.items()
# ---
s = requests.Session()
s.cookies = requests.cookies.cookiejar_from_dict({'a': '1'})
s.post(URL + '/login')
s.post(URL + '/logout')
s.get(URL + '/json')
out = requests.utils.dict_from_cookiejar(s.cookies) if hasattr(requests, 'utils') else s.cookies.get_dict()
# ---
s = requests.Session()
s.params = {'q': '1', 'r': '2'}
s.get(URL + '/json', params={'q': 'own', 'r': None, 'z': ''})
s.get(URL + '/json', params='raw=1')
s.get(URL + '/json', params=[('l', '1'), ('l', '2')])
out = s.get(URL + '/json').status_code
# ---
try:
    requests.get(URL + '/text').json()
except requests.exceptions.RequestException as e:
    out = [type(e).__name__, str(e), e.pos, isinstance(e, json.JSONDecodeError), isinstance(e, ValueError)]
# ---
r = requests.get(URL + '/json')
u = requests.get(URL + '/text')
out = [list(r.iter_lines()), list(u.iter_lines(decode_unicode=True)), list(r.iter_content(20)),
    b''.join(u.iter_content(chunk_size=3)), list(r.iter_lines(delimiter=b','))]
# ---
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry
s = requests.Session()
retries = Retry(total=3, backoff_factor=0.01, status_forcelist=[500, 502, 503, 504])
s.mount('https://', HTTPAdapter(max_retries=retries))
s.mount('http://', HTTPAdapter(max_retries=retries))
out = [s.get(URL + '/flaky').status_code, s.put(URL + '/flaky', data='x').status_code, s.post(URL + '/flaky').status_code,
    s.post(URL + '/flaky').status_code, s.get(URL + '/missing').status_code]
# ---
from requests.adapters import HTTPAdapter
from requests.packages.urllib3.util.retry import Retry
s = requests.Session()
s.mount(URL, HTTPAdapter(max_retries=Retry(total=1, status_forcelist=(503,))))
try:
    s.get(URL + '/down?a=1')
    out = 'no error'
except requests.exceptions.RetryError as e:
    out = [str(e), isinstance(e, requests.exceptions.RequestException)]
# ---
import urllib3
from requests.adapters import HTTPAdapter
s = requests.Session()
s.mount('http://', HTTPAdapter(max_retries=urllib3.Retry(total=2, status=1, status_forcelist={503}, raise_on_status=False)))
out = [s.get(URL + '/down').status_code, requests.get(URL + '/down').status_code]
# ---
from requests.adapters import HTTPAdapter, Retry
s = requests.Session()
s.mount('http://', HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503], allowed_methods=['POST'])))
s.get(URL + '/down')
try:
    s.post(URL + '/down', json={'a': 1})
except requests.RequestException as e:
    out = type(e).__name__
# ---
from requests.adapters import HTTPAdapter
s = requests.Session()
s.mount('http://127.0.0.1', HTTPAdapter(max_retries=2))
s.mount('http://', HTTPAdapter(pool_connections=1, pool_maxsize=2, pool_block=True))
try:
    s.get('http://127.0.0.1:1/')
except requests.exceptions.ConnectionError as e:
    out = [type(e).__name__, s.get(URL + '/down').status_code, s.get(URL + '/after').status_code,
        s.post(URL + '/after').status_code, s.post(URL + '/after').status_code]
# ---
import urllib3
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
requests.packages.urllib3.disable_warnings()
try:
    requests.Session().get('ftp://127.0.0.1/')
except requests.exceptions.InvalidSchema as e:
    out = str(e)
# ---
class Bearer(requests.auth.AuthBase):
    def __init__(self, token): self.token = token
    def __call__(self, r):
        r.headers['Authorization'] = 'Bearer ' + self.token + str(len(r.body or ''))
        r.headers['X-Key'] = r.method + r.path_url
        return r
s = requests.Session()
s.auth = Bearer('t')
s.post(URL + '/json?a=1', json={'a': 'b'})
s.get(URL + '/json', auth=('ü', b'\xff'))
r = requests.delete(URL + '/json', auth=Bearer('u'))
out = [r.request.method, r.request.url == URL + '/json', r.request.headers['authorization'],
    r.request.headers.get('content-length'), r.request.body, r.elapsed.days]
# ---
r = requests.put(URL + '/json', auth=lambda r: setattr(r, 'body', r.body.upper()) or r, data='quiet')
out = [r.request.body, requests.auth.HTTPBasicAuth('a', 'b') == requests.auth.HTTPBasicAuth('a', 'b'),
    requests.auth.HTTPBasicAuth('a', 'b') != requests.auth.HTTPBasicAuth('a', 'c')]
# ---
r = requests.get(URL + '/paged')
out = [r.links['next']['url'], r.links, requests.get(URL + '/json').links]
# ---
r = requests.get(URL + '/missing')
try:
    r.raise_for_status()
except requests.exceptions.HTTPError as e:
    out = [str(e).replace(URL, ''), e.response.status_code, r.ok, bool(r)]
# ---
r = requests.get(URL + '/text')
out = [r.text, r.encoding]
# ---
r = requests.get(URL + '/moved', allow_redirects=False)
out = [r.status_code, r.headers['Location'], r.is_redirect]
# ---
with requests.Session() as s:
    s.headers.update({'X-Key': 'session'})
    s.auth = ('u', 'p')
    s.params = {'q': '1'}
    a = s.get(URL + '/json')
    b = s.post(URL + '/json', json={'x': 1}, headers={'X-Key': None})
out = [a.status_code, b.status_code]
# ---
try:
    requests.get('http://127.0.0.1:1/', timeout=5)
    out = 'no error'
except requests.exceptions.Timeout:
    out = 'time-out'
except requests.exceptions.RequestException as e:
    out = [isinstance(e, requests.ConnectionError), isinstance(e, OSError)]
# ---
try:
    requests.get(URL + '/text').json()
except ValueError as e:
    out = 'no JSON'
# ---
import urllib.request
with urllib.request.urlopen(URL + '/json?a=1') as r:
    out = [r.status, r.getcode(), r.reason, json.loads(r.read()), r.headers['content-type'], r.getheader('X-None', 'no'),
        r.geturl() == URL + '/json?a=1']
# ---
from urllib import request
from urllib.error import HTTPError
q = request.Request(URL + '/missing', data=b'a=b', headers={'X-key': 'k'})
try:
    request.urlopen(q)
except HTTPError as e:
    out = [e.code, e.reason, str(e), e.read(), q.get_method()]
# ---
import urllib.request, urllib.parse
q = urllib.request.Request(URL + '/json', data=json.dumps({'x': 'č'}).encode(), method='PUT')
q.add_header('Content-Type', 'application/json')
out = json.load(urllib.request.urlopen(q))['id'], urllib.parse.quote('a b')
# ---
from urllib.request import urlopen
from urllib.error import URLError
try:
    urlopen('http://127.0.0.1:1/', timeout=5)
    out = 'no error'
except URLError as e:
    out = isinstance(e, OSError)
# ---
import urllib.request
try:
    urllib.request.urlopen(URL + '/json', data='text')
except TypeError as e:
    out = str(e)
# ---
import urllib.request
out = urllib.request.urlopen(urllib.request.Request(URL + '/moved')).read()
# ---
import xml.etree.ElementTree as ET
root = ET.Element('Invoice')
ET.SubElement(root, 'Id', n='1').text = 'č & x'
ET.indent(root)
out = requests.post(URL + '/json', data=ET.tostring(root, encoding='utf-8', xml_declaration=True),
    headers={'Content-Type': 'application/xml'}).status_code
# ---
from requests.auth import HTTPBasicAuth
r = requests.get(URL + '/json?x=1#top', params='y=2', auth=HTTPBasicAuth('a', 'b'))
out = r.status_code
# ---
s = requests.Session()
s.get(URL + '/deep/odd')
s.get(URL + '/json')
s.get(URL + '/deep/json')
out = sorted((c.name, str(c.value), c.domain, c.path, c.secure) for c in s.cookies)
# ---
class Signed(requests.auth.AuthBase):
    def __call__(self, r):
        r.headers['X-Key'] = f"{len(r.body)} {r.body.count(b'content')} {type(r.body).__name__}"
        return r
r = requests.post(URL + '/json', files={'f': ('a', b'content')}, auth=Signed())
out = type(r.request.body).__name__, len(r.request.body)
# ---
from requests.adapters import HTTPAdapter, Retry
s = requests.Session()
s.mount('http://', HTTPAdapter(max_retries=Retry(total=1)))
out = s.get(URL + '/dated').status_code
