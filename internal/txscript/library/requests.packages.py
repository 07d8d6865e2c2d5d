import requests.packages.urllib3 as urllib3
